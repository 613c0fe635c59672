import { expect, test, type Page } from '@playwright/test';
import { logIn, signUp } from './people';
import { Watch } from './watch';

// Someone who looks around in the sample instance, and someone who tries what they may not.
const main = (page: Page) => page.getByRole('main');
const names = (page: Page) => main(page).locator('.repository-name');

test('searches, narrows down and sorts', async ({ page, context, baseURL, javaScriptEnabled }) => {
  const scripted = javaScriptEnabled !== false;
  const watch = new Watch(context, baseURL!, { scripted });
  await page.goto('/search?q=postgres');
  await expect(names(page).first()).toHaveText('ops/postgres');
  await expect(main(page).locator('mark').first()).toHaveText('postgres');
  await main(page).getByRole('group', { name: 'Filter' }).getByRole('link', { name: 'harbour 2' }).click();
  await expect(page).toHaveURL(/namespace=harbour/);
  await expect(names(page).first()).toContainText('harbour/');
  await page.goto('/search?q=');
  await main(page).locator('[name="sort"]').selectOption('pulls');
  if (!scripted) await main(page).getByRole('button', { name: 'Sort' }).click();
  await expect(page).toHaveURL(/sort=pulls/);
  await expect(names(page).first()).toHaveText('ops/postgres');
  watch.expectSilence();
});

test('is understood with a letter wrong', async ({ page }) => {
  await page.goto('/search?q=postgers');
  await expect(main(page)).toContainText('This comes near');
  await expect(names(page).first()).toHaveText('ops/postgres');
});

test('looks into an image for another machine', async ({ page }) => {
  await page.goto('/r/edge/nginx/-/tags/latest');
  await main(page).getByRole('navigation', { name: 'Platforms' }).getByRole('link', { name: 'linux/arm64' }).click();
  await expect(page).toHaveURL(/platform=linux\/arm64/);
  await expect(main(page).getByRole('heading', { name: 'Inside linux/arm64' })).toBeVisible();
  await expect(main(page).locator('.layer-table')).toBeVisible();
  await main(page).getByText('Show the manifest').click();
  await expect(main(page).locator('.document')).toContainText('"schemaVersion": 2');
});

test('is told the tools that fetch what is no image', async ({ page }) => {
  for (const path of ['/r/harbour/charts/platform', '/r/harbour/charts/platform/-/tags/0.10.1']) {
    await page.goto(path);
    const section = main(page).locator('.command-tabs').first();
    await expect(section).toContainText(/helm pull --plain-http oci:\/\/\S+\/harbour\/charts\/platform --version 0\.1[01]\./);
    await section.getByText('oras', { exact: true }).click();
    await expect(section.locator('[data-tab="oras"]')).toBeVisible();
    await expect(section).not.toContainText('docker pull');
  }
});

test('is led to log in, and back, for a star', async ({ page, playwright, baseURL, javaScriptEnabled }) => {
  const api = await playwright.request.newContext({ baseURL });
  const user = javaScriptEnabled === false ? 'visitor-plain' : 'visitor';
  await signUp(api, user);
  await api.dispose();
  await page.goto('/r/edge/nginx');
  await main(page).getByRole('link', { name: /^Star/ }).click();
  await expect(page).toHaveURL(/\/login\?next=/);
  await main(page).locator('[name="username"]').fill(user);
  await main(page).locator('[name="password"]').fill('correct horse battery');
  await main(page).getByRole('button', { name: 'Log in' }).click();
  await expect(page).toHaveURL(`${baseURL}/r/edge/nginx`);
  await page.waitForLoadState('networkidle');
  await main(page).getByRole('button', { name: /^Star / }).click();
  await expect(main(page).getByRole('button', { name: /^Starred/ })).toBeVisible();
});

test('may not change what belongs to others', async ({ page, playwright, baseURL, javaScriptEnabled }) => {
  const api = await playwright.request.newContext({ baseURL });
  const user = javaScriptEnabled === false ? 'stranger-plain' : 'stranger';
  await signUp(api, user);
  await api.dispose();
  await page.goto('/r/edge/nginx/-/settings');
  await expect(page).toHaveURL(/\/login\?next=\/r\/edge\/nginx\/-\/settings/);
  await logIn(page, user);
  for (const path of ['settings', 'delete-tags?tag=latest']) {
    const answer = await page.goto(`/r/edge/nginx/-/${path}`);
    expect(answer!.status()).toBe(403);
    await expect(main(page)).toContainText('This is not yours to change');
  }
  await page.goto('/r/edge/nginx');
  await expect(main(page).getByRole('link', { name: 'Settings' })).toHaveCount(0);
  for (const path of ['', '/-/tags', '/-/activity', '/-/settings', '/-/delete-tags?tag=latest']) {
    const answer = await page.goto(`/r/harbour/billing${path}`);
    expect(answer!.status(), path).toBe(404);
    await expect(main(page)).toContainText('There is nothing here');
  }
  const refused = await page.request.post('/api/web/delete-tags', {
    form: { name: 'edge/nginx', tags: 'latest' },
    headers: { accept: 'application/json' },
  });
  expect(refused.status()).toBe(403);
});

test('has the wrong password too often', async ({ page, javaScriptEnabled }) => {
  const user = javaScriptEnabled === false ? 'nobody-plain' : 'nobody-at-all';
  for (let i = 0; i < 20; i += 1) {
    const tried = await page.request.get('/token?service=x', {
      headers: { authorization: `Basic ${Buffer.from(`${user}:wrong`).toString('base64')}` },
    });
    expect(tried.status()).toBe(401);
  }
  await page.goto('/login');
  await main(page).locator('[name="username"]').fill(user);
  await main(page).locator('[name="password"]').fill('wrong');
  await main(page).getByRole('button', { name: 'Log in' }).click();
  await expect(main(page)).toContainText(/Too many wrong passwords: wait \d+ seconds/);
});
