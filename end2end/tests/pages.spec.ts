import { mkdirSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, type Browser, type BrowserContext } from '@playwright/test';
import { imageTarball } from './tar';
import { Watch } from './watch';

// Every page in both themes, on a phone and on a desk: axe finds nothing, nothing sticks out, the
// console is silent. The pictures in target/screenshots are for a person to look at.
const pictures = '../target/screenshots';
const password = 'correct horse battery';
const basic = { authorization: `Basic ${Buffer.from(`maria:${password}`).toString('base64')}` };

const forStrangers = {
  home: '/',
  signup: '/signup',
  login: '/login',
  search: '/search?q=harbour',
  'search-empty': '/search?q=nothingatall',
  user: '/u/maria',
  repository: '/r/maria/harbour',
  tags: '/r/maria/harbour/-/tags',
  tag: '/r/maria/harbour/-/tags/v1',
  missing: '/r/maria/missing',
};
const forMembers = {
  'home-member': '/',
  new: '/new',
  upload: '/upload',
  'repository-member': '/r/maria/harbour',
  'repository-empty': '/r/maria/empty',
};

test.beforeAll(async ({ playwright }, testInfo) => {
  mkdirSync(pictures, { recursive: true });
  const api = await playwright.request.newContext({ baseURL: testInfo.project.use.baseURL });
  const asked = async (made: Promise<{ ok(): boolean; text(): Promise<string> }>) => {
    const answer = await made;
    // A worker that starts after a failure finds what the one before it made.
    expect(answer.ok() || answer.status() === 409, await answer.text()).toBe(true);
  };
  await asked(api.post('/api/v1/users', { data: { username: 'maria', password } }));
  const create = (name: string, description: string, visibility = 'public') =>
    asked(api.post('/api/v1/repositories', { headers: basic, data: { name, description, visibility } }));
  await create('maria/harbour', 'Cranes, cables and the people who keep the harbour running');
  await create('maria/a-name.that_is-rather__long.and-has-every.separator', 'A long name');
  await create('maria/hidden', 'Only for members', 'private');
  await create('maria/empty', '');
  for (const tag of ['v1', 'v1.10', 'v1.9', 'latest', '2024-01-01-nightly-build-with-a-long-name']) {
    await asked(
      api.put(`/api/v1/images/maria/harbour:${tag}`, { headers: basic, data: imageTarball('x:y', `harbour ${tag}`) }),
    );
  }
  await api.dispose();
});

async function look(context: BrowserContext, origin: string, name: string, path: string, width: number) {
  const watch = new Watch(context, origin);
  if (name === 'missing') watch.allow(/status of 404/);
  const page = await context.newPage();
  await page.setViewportSize({ width, height: 844 });
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    await page.goto(path);
    await page.waitForLoadState('networkidle');
    await page.screenshot({ path: `${pictures}/${name}-${width}-${theme}.png`, fullPage: true });
    const stickingOut = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect.soft(stickingOut, `${theme}: pixels wider than the window`).toBeLessThanOrEqual(0);
    const { violations } = await new AxeBuilder({ page }).analyze();
    const found = violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`);
    expect.soft(found, `${theme}: accessibility`).toEqual([]);
  }
  await page.close();
  watch.expectSilence();
}

async function member(browser: Browser, origin: string) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${origin}/login`);
  await page.getByRole('main').locator('[name="username"]').fill('maria');
  await page.getByRole('main').locator('[name="password"]').fill(password);
  await page.getByRole('main').getByRole('button', { name: 'Log in' }).click();
  await expect(page.getByRole('banner')).toContainText('maria');
  await page.close();
  return context;
}

for (const width of [390, 1280]) {
  for (const [name, path] of Object.entries(forStrangers)) {
    test(`${name} at ${width}`, async ({ browser }, testInfo) => {
      const context = await browser.newContext();
      await look(context, testInfo.project.use.baseURL!, name, path, width);
      await context.close();
    });
  }
  for (const [name, path] of Object.entries(forMembers)) {
    test(`${name} at ${width}`, async ({ browser }, testInfo) => {
      const context = await member(browser, testInfo.project.use.baseURL!);
      await look(context, testInfo.project.use.baseURL!, name, path, width);
      await context.close();
    });
  }
}
