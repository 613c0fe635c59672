import { expect, test } from '@playwright/test';
import { logIn, signUp } from './people';
import { Watch } from './watch';

// What there is with JavaScript alone.
test('chooses a suggestion with the keyboard', async ({ page, context, baseURL }) => {
  const watch = new Watch(context, baseURL!);
  await page.goto('/');
  await page.waitForLoadState('networkidle');
  await page.keyboard.press('/');
  const box = page.locator('#header-search');
  await expect(box).toBeFocused();
  await box.pressSequentially('ngi');
  const list = page.getByRole('banner').getByRole('listbox');
  await expect(list.getByRole('option')).toHaveText(['edge/nginx']);
  await box.press('ArrowDown');
  await expect(list.getByRole('option', { selected: true })).toHaveText('edge/nginx');
  await box.press('Escape');
  await expect(list).toBeHidden();
  await box.pressSequentially('n');
  await expect(list).toBeVisible();
  await box.press('ArrowDown');
  await box.press('Enter');
  await expect(page).toHaveURL(`${baseURL}/r/edge/nginx`);
  watch.expectSilence();
});

test('is used with the keyboard alone', async ({ page, context, baseURL, playwright }) => {
  const api = await playwright.request.newContext({ baseURL });
  await signUp(api, 'keyboard');
  await api.dispose();
  const watch = new Watch(context, baseURL!);
  await logIn(page, 'keyboard');
  await page.goto('/r/edge/nginx/-/tags');
  await page.waitForLoadState('networkidle');
  // The first stop skips to the header, which comes after the content.
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to search and menus' })).toBeFocused();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await expect(page.locator('#header-search')).toBeFocused();
  const menu = page.getByRole('banner').locator('summary', { hasText: 'keyboard' });
  await menu.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('link', { name: 'Settings' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('link', { name: 'Settings' })).toBeHidden();
  await expect(menu).toBeFocused();
  // Every place that has the focus shows it.
  for (let stop = 0; stop < 30; stop += 1) {
    await page.keyboard.press('Tab');
    const shown = await page.evaluate(() => {
      const at = document.activeElement;
      if (!at || at === document.body) return true;
      const ringed = (e: Element | null) =>
        !!e && ['outlineStyle', 'boxShadow'].some((p) => !['none', ''].includes(getComputedStyle(e)[p as 'boxShadow']));
      const within = ringed(at) || ringed(at.parentElement) || ringed(at.closest('label'));
      return within || getComputedStyle(at, '::after').outlineStyle !== 'none';
    });
    expect(shown, `the focus at stop ${stop} can be seen`).toBe(true);
  }
  watch.expectSilence();
});
