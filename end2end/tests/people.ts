import { expect, type APIRequestContext, type Page } from '@playwright/test';

export const password = 'correct horse battery';

/** Is the header of a user's name and password. */
export const basic = (user: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

/** Makes an account; a worker that starts after a failure finds what the one before it made. */
export async function signUp(api: APIRequestContext, username: string) {
  const answer = await api.post('/api/v1/users', { data: { username, password } });
  expect(answer.ok() || answer.status() === 409, await answer.text()).toBe(true);
}

/** Logs in through the page. */
export async function logIn(page: Page, username: string, secret = password) {
  await page.goto('/login');
  const main = page.getByRole('main');
  await main.locator('[name="username"]').fill(username);
  await main.locator('[name="password"]').fill(secret);
  await main.getByRole('button', { name: 'Log in' }).click();
  await expect(page.getByRole('banner')).toContainText(username);
}
