import { expect, test } from '@playwright/test';
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
