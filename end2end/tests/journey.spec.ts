import { readFileSync } from 'node:fs';
import { expect, test, type BrowserContext, type Page } from '@playwright/test';
import { imageTarball, tarNames } from './tar';
import { Watch } from './watch';

// One person's way through the pages, step by step: each test goes on where the one before ended.
test.describe.configure({ mode: 'serial' });

const password = 'correct horse battery';
let origin: string;
let scripted: boolean;
let user: string;
let word: string;
let context: BrowserContext;
let watch: Watch;
let page: Page;

const digest = () => main().locator('[title^="sha256:"]').first();
const linkTo = (path: string, on = page) => on.getByRole('main').locator(`a[href="${path}"]`).first();
const main = () => page.getByRole('main');
const field = (name: string) => main().locator(`[name="${name}"]`);
/** The text of what describes a field: its error, when it has one. */
const errorOf = async (name: string) => {
  await expect(field(name)).toHaveAttribute('aria-invalid', 'true');
  const ids = (await field(name).getAttribute('aria-describedby')) ?? '';
  const texts = await Promise.all(ids.split(' ').map((id) => page.locator(`[id="${id}"]`).innerText()));
  return texts.join(' ');
};
const refusedForm = /status of 4\d\d/;

test.beforeAll(async ({ browser }, testInfo) => {
  scripted = testInfo.project.use.javaScriptEnabled !== false;
  user = scripted ? 'ada' : 'grace';
  word = scripted ? 'lighthouse' : 'semaphore';
  origin = testInfo.project.use.baseURL!;
  context = await browser.newContext();
  watch = new Watch(context, origin, { scripted });
  page = await context.newPage();
});
test.afterAll(() => context?.close());
test.afterEach(() => watch.expectSilence());

test('signs up', async () => {
  await page.goto('/');
  await page.getByRole('link', { name: 'Sign up' }).first().click();
  await expect(page).toHaveURL(/\/signup/);
  await field('username').fill(user);
  await field('email').fill(`${user}@example.org`);
  await field('password').fill(password);
  await main().getByRole('button', { name: 'Sign up' }).click();
  await expect(page).not.toHaveURL(/\/signup/);
  await expect(page.getByRole('banner')).toContainText(user);
});

test('logs out', async () => {
  await page.getByRole('banner').locator('summary', { hasText: user }).click();
  await page.getByRole('button', { name: 'Log out' }).click();
  await expect(page.getByRole('link', { name: 'Log in' }).first()).toBeVisible();
  await expect(page.getByRole('banner')).not.toContainText(user);
});

test('cannot take a name that is taken', async () => {
  watch.allow(refusedForm);
  await page.goto('/signup');
  await field('username').fill(user);
  await field('password').fill(password);
  await main().getByRole('button', { name: 'Sign up' }).click();
  expect(await errorOf('username')).toMatch(/taken/i);
  await expect(field('username')).toHaveValue(user);
});

test('is told about a wrong password and keeps the name', async () => {
  watch.allow(refusedForm);
  await page.goto('/login');
  await field('username').fill(user);
  await field('password').fill('not the password');
  await main().getByRole('button', { name: 'Log in' }).click();
  expect(await errorOf('password')).toMatch(/password/i);
  await expect(field('username')).toHaveValue(user);
  await expect(field('password')).toHaveValue('');
});

test('logs in', async () => {
  await page.goto('/login');
  await field('username').fill(user);
  await field('password').fill(password);
  await main().getByRole('button', { name: 'Log in' }).click();
  await expect(page).not.toHaveURL(/\/login/);
  await expect(page.getByRole('banner')).toContainText(user);
});

test('creates a public repository', async () => {
  await page.goto('/new');
  await field('name').fill('app');
  await field('description').fill(`The ${word} of our shop`);
  await main().getByRole('button', { name: 'Create repository' }).click();
  await expect(page).toHaveURL(`${origin}/r/${user}/app`);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('app');
  await expect(main()).toContainText(word);
});

test('is told about names that cannot be', async () => {
  watch.allow(refusedForm);
  for (const name of ['Not A Name', 'app']) {
    await page.goto('/new');
    await field('name').fill(name);
    await main().getByRole('button', { name: 'Create repository' }).click();
    expect((await errorOf('name')).length).toBeGreaterThan(10);
    await expect(field('name')).toHaveValue(name);
  }
});

test('creates a private repository', async () => {
  await page.goto('/new');
  await field('name').fill('secret');
  await field('description').fill(`Another ${word}`);
  await main().locator('[name="visibility"][value="private"]').check({ force: true });
  await main().getByRole('button', { name: 'Create repository' }).click();
  await expect(page).toHaveURL(`${origin}/r/${user}/secret`);
  await expect(main()).toContainText(/private/i);
});

for (const repository of ['app', 'secret']) {
  test(`uploads a tarball to ${repository}`, async () => {
    await page.goto(`/upload?repository=${user}/${repository}`);
    await expect(field('repository')).toHaveValue(`${user}/${repository}`);
    await field('tag').fill('v1');
    await field('file').setInputFiles({
      name: 'image.tar',
      mimeType: 'application/x-tar',
      buffer: imageTarball('hello:v1', `hello from ${user}/${repository}`),
    });
    await main().getByRole('button', { name: 'Upload' }).click();
    await expect(digest()).toBeVisible();
    await expect(main()).toContainText('v1');
  });
}

test('sees tag, digest, size and pull command', async () => {
  await page.goto(`/r/${user}/app`);
  await expect(main()).toContainText(`docker pull ${new URL(origin).host}/${user}/app`);
  await page.goto(`/r/${user}/app/-/tags`);
  await expect(main().getByRole('link', { name: 'v1', exact: true })).toBeVisible();
  await expect(main().locator('.col-platforms').last()).toHaveText('amd64');
  await main().getByRole('link', { name: 'v1', exact: true }).click();
  await expect(page).toHaveURL(`${origin}/r/${user}/app/-/tags/v1`);
  await expect(digest()).toHaveText(/^(sha256:)?[0-9a-f]{12}$/);
  await expect(main().getByText(/^\d[\d.]* (B|kB|MB)$/).first()).toBeVisible();
  await expect(main()).toContainText(`docker pull ${new URL(origin).host}/${user}/app:v1`);
});

test('downloads the tarball', async () => {
  await page.goto(`/r/${user}/app/-/tags/v1`);
  const download = page.waitForEvent('download');
  await main().getByRole('link', { name: /download/i }).first().click();
  const file = await download;
  expect(file.suggestedFilename()).toBe(`${user}-app-v1.tar`);
  expect(tarNames(readFileSync(await file.path()))).toContain('manifest.json');
});

test('finds the public repository', async () => {
  await expect(async () => {
    await page.goto('/');
    await page.getByRole('search').first().locator('[name="q"]').fill(word);
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(new RegExp(`/search\\?q=${word}`));
    await expect(linkTo(`/r/${user}/app`)).toBeVisible({ timeout: 1000 });
  }).toPass({ timeout: 20_000 });
});

test('a stranger sees the public repository and nothing of the private one', async ({ browser }) => {
  const strange = await browser.newContext();
  const strangeWatch = new Watch(strange, origin, { scripted });
  const stranger = await strange.newPage();
  await stranger.goto(`/search?q=${word}`);
  await expect(linkTo(`/r/${user}/app`, stranger)).toBeVisible();
  await expect(stranger.locator(`a[href*="${user}/secret"]`)).toHaveCount(0);
  await stranger.goto(`/u/${user}`);
  await expect(stranger.getByRole('main')).toContainText('app');
  await expect(stranger.getByRole('main')).not.toContainText('secret');
  strangeWatch.expectSilence();
  for (const path of ['', '/-/tags', '/-/tags/v1']) {
    strangeWatch.allow(/status of 404/);
    const answer = await stranger.goto(`/r/${user}/secret${path}`);
    expect(answer!.status()).toBe(404);
    await expect(stranger.getByRole('main')).toContainText(/not (found|here)|no such|does not exist|nothing/i);
    strangeWatch.expectSilence();
  }
  const tarball = await strange.request.get(`/api/v1/images/${user}/secret:v1`);
  expect([401, 404]).toContain(tarball.status());
  await strange.close();
});
