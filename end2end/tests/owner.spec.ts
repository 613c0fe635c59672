import { expect, test, type BrowserContext, type Page } from '@playwright/test';
import { basic, logIn, password, signUp } from './people';
import { imageTarball } from './tar';
import { Watch } from './watch';

// An owner's work, step by step: each test goes on where the one before ended.
test.describe.configure({ mode: 'serial' });

let origin: string;
let scripted: boolean;
let user: string;
let context: BrowserContext;
let watch: Watch;
let page: Page;

const main = () => page.getByRole('main');
const field = (name: string) => main().locator(`[name="${name}"]`);
const button = (name: string | RegExp) => main().getByRole('button', { name });
const rows = () => main().locator('.tag-table tbody .col-tag a');
/** The page is hydrated when what only scripts can do is there. */
const ready = async () => {
  if (scripted) await page.waitForLoadState('networkidle');
};
const visit = async (path: string) => {
  await page.goto(path);
  await ready();
};

test.beforeAll(async ({ browser, playwright }, testInfo) => {
  scripted = testInfo.project.use.javaScriptEnabled !== false;
  user = scripted ? 'joan' : 'mary';
  origin = testInfo.project.use.baseURL!;
  const api = await playwright.request.newContext({ baseURL: origin });
  await signUp(api, user);
  for (const tag of ['v1.9', 'v1.10', 'v2', 'edge']) {
    const data = imageTarball('x:y', `image ${tag}`);
    const sent = await api.put(`/api/v1/images/${user}/app:${tag}`, { headers: basic(user), data });
    expect(sent.ok(), await sent.text()).toBe(true);
  }
  await api.dispose();
  context = await browser.newContext();
  watch = new Watch(context, origin, { scripted });
  page = await context.newPage();
  await logIn(page, user);
});
test.afterAll(() => context?.close());
test.afterEach(() => watch.expectSilence());

test('stars a repository and takes the star back', async () => {
  await visit(`/r/${user}/app`);
  await button(/^Star/).click();
  await expect(button('Starred 1')).toBeVisible();
  if (scripted) await expect(button('Starred 1')).toBeFocused();
  await visit(`/u/${user}?tab=stars`);
  await expect(main().getByRole('link', { name: `${user}/app` })).toBeVisible();
  await visit(`/r/${user}/app`);
  await button('Starred 1').click();
  await expect(button('Star 0')).toBeVisible();
});

test('writes a README and looks at it before', async () => {
  await visit(`/r/${user}/app/-/settings`);
  await field('description').fill('What the app is for');
  await field('readme').fill('# Hello\n\nIt has a **table**:\n\n| a | b |\n|---|---|\n| 1 | 2 |\n');
  if (scripted) {
    await button('Preview').click();
    await expect(main().getByRole('region', { name: 'Preview' }).locator('table')).toBeVisible();
  } else {
    const opened = context.waitForEvent('page');
    await button('Preview').click();
    const preview = await opened;
    await expect(preview.locator('.markdown table')).toBeVisible();
    await preview.close();
  }
  await button('Save').click();
  await expect(page).toHaveURL(`${origin}/r/${user}/app`);
  await expect(main().getByRole('heading', { name: 'Hello' })).toBeVisible();
  await expect(main()).toContainText('What the app is for');
});

test('finds tags by a part of their names, the highest version first', async () => {
  await visit(`/r/${user}/app/-/tags`);
  await expect(rows()).toHaveText(['v2', 'v1.10', 'v1.9', 'edge']);
  await field('filter').fill('v1');
  if (!scripted) await button('Apply').click();
  await expect(rows()).toHaveText(['v1.10', 'v1.9']);
  if (scripted) await expect(field('filter')).toBeFocused();
  await expect(page).toHaveURL(/filter=v1/);
  await field('sort').selectOption('name');
  if (!scripted) await button('Apply').click();
  await expect(page).toHaveURL(/sort=name/);
});

test('deletes two tags after a page that says what goes', async () => {
  await visit(`/r/${user}/app/-/tags`);
  for (const tag of ['v1.9', 'edge']) await main().getByLabel(`Select ${tag}`).check();
  await button('Delete selected').click();
  await expect(main().getByRole('heading', { name: 'Delete 2 tags?' })).toBeVisible();
  await expect(main()).toContainText('Space that then comes back');
  await button('Delete 2 tags').click();
  await expect(main()).toContainText('2 tags were deleted');
  await expect(rows()).toHaveText(['v2', 'v1.10']);
});

test('puts a deleted tag back', async () => {
  watch.allow(/status of 404/);
  await visit(`/r/${user}/app/-/activity`);
  await expect(main()).toContainText('Deleted');
  await main().getByRole('link', { name: 'edge' }).first().click();
  await expect(main()).toContainText('This tag was deleted');
  await button(/^Restore edge/).click();
  await expect(main().getByText('Restored', { exact: true }).first()).toBeVisible();
  await visit(`/r/${user}/app/-/tags`);
  await expect(rows()).toHaveText(['v2', 'v1.10', 'edge']);
});

test('makes a token that is shown once, and revokes it', async () => {
  await visit('/settings/tokens');
  await field('name').fill('ci');
  await button('Create token').click();
  await expect(main().getByText(/^dyp_/)).toBeVisible();
  const secret = await main().getByText(/^dyp_/).innerText();
  const asked = await page.request.get('/api/v1/user', { headers: { authorization: `Bearer ${secret.trim()}` } });
  expect((await asked.json()).username).toBe(user);
  await visit('/settings/tokens');
  await expect(main().getByText(/^dyp_/)).toHaveCount(0);
  await button('Revoke ci').click();
  await expect(main()).toContainText('You have no tokens yet.');
});

test('changes the profile and the password', async () => {
  await visit('/settings/profile');
  await field('about').fill('Builds things');
  await button('Save profile').click();
  await expect(main().getByRole('status')).toContainText('saved');
  await visit(`/u/${user}`);
  await expect(main()).toContainText('Builds things');
  watch.allow(/status of 4\d\d/);
  await visit('/settings/password');
  await field('current').fill('not this');
  await field('password').fill(`${password} staple`);
  await button('Change password').click();
  await expect(main()).toContainText('The password is wrong');
  await field('current').fill(password);
  await field('password').fill(password + '!');
  await button('Change password').click();
  await expect(main()).toContainText('Your password is changed');
});

test('sees where else one is logged in, and ends it', async ({ browser }) => {
  const other = await browser.newContext();
  const elsewhere = await other.newPage();
  await logIn(elsewhere, user, password + '!');
  await visit('/settings/sessions');
  await expect(main().locator('.item')).toHaveCount(2);
  await button('End all others').click();
  await expect(main().locator('.item')).toHaveCount(1);
  await elsewhere.goto('/settings/profile');
  await expect(elsewhere).toHaveURL(/\/login/);
  await other.close();
});

test('gives a repository another name, and the old one leads there', async () => {
  await visit(`/r/${user}/app/-/settings`);
  await field('to').fill('renamed');
  await button('Rename').click();
  await expect(page).toHaveURL(`${origin}/r/${user}/renamed/-/settings?done=name`);
  await visit(`/r/${user}/app/-/tags/v2`);
  await expect(page).toHaveURL(`${origin}/r/${user}/renamed/-/tags/v2`);
});

test('hides a repository', async () => {
  await visit(`/r/${user}/renamed/-/settings`);
  await main().locator('[name="visibility"][value="private"]').check({ force: true });
  await button('Change visibility').click();
  await expect(main()).toContainText('The visibility is changed');
  await expect(main().getByText('Private').first()).toBeVisible();
});

test('deletes a repository once its name is typed', async () => {
  watch.allow(/status of 4\d\d/);
  await visit(`/r/${user}/renamed/-/settings`);
  await field('confirmation').fill('something else');
  await button('Delete repository').click();
  await expect(main()).toContainText(`Type ${user}/renamed to delete it`);
  await field('confirmation').fill(`${user}/renamed`);
  await button('Delete repository').click();
  await expect(page).toHaveURL(`${origin}/u/${user}`);
  await expect(main()).toContainText('No repositories');
});
