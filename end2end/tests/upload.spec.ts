import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, type BrowserContext, type Page } from '@playwright/test';
import { basic, logIn, signUp } from './people';
import { Proxy } from './proxy';
import { imageTarball, imagesTarball, writeLargeTarball } from './tar';
import { Watch } from './watch';

// Large files, through a proxy that counts and cuts.
test.describe.configure({ mode: 'serial' });

const user = 'freya';
const megabytes = 200;
let folder: string;
let file: string;
let size: number;
let proxy: Proxy;
let context: BrowserContext;
let watch: Watch;
let page: Page;

const main = () => page.getByRole('main');
const bar = () => main().getByRole('progressbar');
const cut = [/ERR_/, /Failed to load resource/];

test.beforeAll(async ({ browser }, testInfo) => {
  folder = mkdtempSync(join(tmpdir(), 'dockyard-upload.'));
  file = join(folder, 'large.tar');
  size = writeLargeTarball(file, 'large:v1', megabytes);
  proxy = await Proxy.before(testInfo.project.use.baseURL!);
  context = await browser.newContext({ baseURL: proxy.origin });
  watch = new Watch(context, proxy.origin);
  page = await context.newPage();
  await signUp(context.request, user);
  await logIn(page, user);
});
test.afterAll(async () => {
  await context?.close();
  proxy?.close();
  if (folder) rmSync(folder, { recursive: true });
});
test.afterEach(() => watch.expectSilence());

async function begin(repository: string, files: Parameters<ReturnType<Page['locator']>['setInputFiles']>[0]) {
  await page.goto(`/upload?repository=${user}/${repository}`);
  await main().locator('[name="file"]').setInputFiles(files);
  await main().getByRole('button', { name: 'Upload' }).click();
}

async function tags(repository: string): Promise<string[]> {
  const answer = await context.request.get(`/v2/${user}/${repository}/tags/list`, { headers: basic(user) });
  return (await answer.json()).tags;
}

const sentBytes = () => bar().evaluate((element: HTMLProgressElement) => element.value);

test('progress moves, and a cut connection goes on where it was', async ({}, testInfo) => {
  test.setTimeout(180_000);
  for (const one of cut) watch.allow(one);
  const before = proxy.sent;
  proxy.cutAt = before + size / 2;
  await begin('cut', file);
  const seen = new Set<number>();
  await expect(async () => {
    seen.add(await sentBytes());
    expect(seen.size).toBeGreaterThan(3);
  }).toPass({ intervals: [50] });
  await expect(main()).toContainText('no connection', { timeout: 60_000 });
  await page.screenshot({ path: testInfo.outputPath('no-connection.png') });
  await expect(main()).toContainText('one image is here', { timeout: 120_000 });
  await page.screenshot({ path: testInfo.outputPath('done.png'), fullPage: true });
  expect(await tags('cut')).toEqual(['v1']);
  // A piece and what surrounds it may travel twice, the file does not.
  expect(proxy.sent - before).toBeLessThan(size + 24 * 1024 * 1024);
});

test('cancelling ends it and leaves nothing', async () => {
  await begin('cancelled', file);
  await expect.poll(sentBytes).toBeGreaterThan(1_000_000);
  await main().getByRole('button', { name: 'Cancel large.tar' }).click();
  await expect(main()).toContainText('large.tar: cancelled');
  expect(await tags('cancelled')).toEqual([]);
  await page.goto('/upload');
  await expect(main()).not.toContainText('Not finished');
});

test('after a reload the same file goes on where it was', async ({}, testInfo) => {
  test.setTimeout(180_000);
  await begin('reloaded', file);
  await expect.poll(sentBytes, { timeout: 60_000, intervals: [50] }).toBeGreaterThan(size / 4);
  await page.reload();
  await expect(main()).toContainText('Not finished');
  await expect(main()).toContainText(`${user}/reloaded`);
  await page.screenshot({ path: testInfo.outputPath('not-finished.png') });
  const before = proxy.sent;
  await begin('reloaded', file);
  await expect(main()).toContainText('one image is here', { timeout: 120_000 });
  expect(await tags('reloaded')).toEqual(['v1']);
  expect(proxy.sent - before).toBeLessThan(size * 0.8);
});

test('several files go one after the other, each with its own result', async ({}, testInfo) => {
  const image = (name: string) => ({
    name: `${name}.tar`,
    mimeType: 'application/x-tar',
    buffer: imageTarball(`x:${name}`, `hello from ${name}`),
  });
  const nonsense = { name: 'nonsense.tar', mimeType: 'application/x-tar', buffer: Buffer.alloc(4096, 7) };
  watch.allow(/status of 400/);
  await begin('several', [image('one'), nonsense, image('two')]);
  await expect(main()).toContainText('one.tar: one image is here');
  await expect(main()).toContainText('nonsense.tar: this is not a tarball');
  await expect(main()).toContainText('two.tar: one image is here');
  await page.screenshot({ path: testInfo.outputPath('several.png'), fullPage: true });
  expect((await tags('several')).sort()).toEqual(['one', 'two']);

  await main().locator('[name="tag"]').fill('v1');
  await main().locator('[name="file"]').setInputFiles([image('one'), image('two')]);
  await main().getByRole('button', { name: 'Upload' }).click();
  await expect(main().getByRole('alert').first()).toContainText("can't all get one tag");
});

test('of several images in a file, one can be chosen', async ({}, testInfo) => {
  const both = {
    name: 'both.tar',
    mimeType: 'application/x-tar',
    buffer: imagesTarball(['nginx:latest', 'redis:latest']),
  };
  watch.allow(/status of 400/);
  await begin('chosen', both);
  await expect(main()).toContainText('two images of the tarball');
  await page.screenshot({ path: testInfo.outputPath('choices.png'), fullPage: true });
  expect(await tags('chosen')).toEqual([]);
  await main().getByRole('button', { name: 'Store redis:latest' }).click();
  await expect(main()).toContainText('both.tar: one image is here');
  expect(await tags('chosen')).toEqual(['latest']);
  await expect(main().locator('[name="image"]')).toHaveValue('redis:latest');
});
