import { readFileSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import { basic, logIn, signUp } from './people';
import { imageWith } from './tar';

// What people write is text, wherever they write it: nothing of it runs.
const user = 'mallory';
const vectors: string[] = JSON.parse(readFileSync('../tests/data/xss.json', 'utf8'));
/** Vectors in one text, so that few pages hold them all. */
const TOGETHER = 40;

test('nothing that people write runs', async ({ browser, playwright }, testInfo) => {
  test.setTimeout(180_000);
  const baseURL = testInfo.project.use.baseURL!;
  const api = await playwright.request.newContext({ baseURL });
  await signUp(api, user);
  const headers = basic(user);
  const marked = `"><script>window.ran=1</script><img src=x onerror="window.ran=1">`;
  const labels = Object.fromEntries(vectors.slice(0, 60).map((vector, at) => [`label.${at}.${vector}`.slice(0, 200), vector]));
  const image = imageWith('x:y', {
    architecture: 'amd64',
    os: 'linux',
    author: marked,
    config: { Labels: { ...labels, 'org.opencontainers.image.source': 'javascript:window.ran=1' }, Env: [marked], Cmd: [marked] },
    history: [{ created_by: marked }],
  });
  const sent = await api.put(`/api/v1/images/${user}/hostile:v1`, { headers, data: image });
  expect(sent.ok(), await sent.text()).toBe(true);

  const context = await browser.newContext({ baseURL });
  await context.route('**', (route) =>
    new URL(route.request().url()).origin === baseURL ? route.continue() : route.abort(),
  );
  const page = await context.newPage();
  const ran: string[] = [];
  page.on('dialog', (dialog) => {
    ran.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('popup', () => ran.push('popup'));
  await logIn(page, user);
  const look = async (path: string) => {
    await page.goto(path);
    await page.waitForLoadState('networkidle');
    expect(new URL(page.url()).pathname, 'was led elsewhere').toBe(new URL(path, baseURL).pathname);
    if (await page.evaluate(() => 'ran' in window)) ran.push(`script on ${path}`);
    for (const href of await page.locator('main a').evaluateAll((links) => links.map((a) => (a as HTMLAnchorElement).protocol)))
      if (!['http:', 'https:', 'mailto:'].includes(href)) ran.push(`link to ${href} on ${path}`);
  };
  for (let at = 0; at < vectors.length; at += TOGETHER) {
    const some = vectors.slice(at, at + TOGETHER);
    // Characters that a description may not have are refused before they are shown.
    const plain = some[0].replace(/\s+/g, ' ').replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '');
    const data = { readme: some.join('\n\n'), description: plain.slice(0, 200) };
    const changed = await api.patch(`/api/v1/repositories/${user}/hostile`, { headers, data });
    expect(changed.ok(), await changed.text()).toBe(true);
    await look(`/r/${user}/hostile`);
    expect(ran).toEqual([]);
  }
  for (const path of [`/r/${user}/hostile/-/tags/v1`, `/r/${user}/hostile/-/tags`, `/u/${user}`, '/']) await look(path);
  await look(`/search?q=${encodeURIComponent(marked)}`);
  await look(`/r/${user}/hostile/-/tags?filter=${encodeURIComponent(marked)}`);
  await look(`/upload?repository=${encodeURIComponent(marked)}&error=${encodeURIComponent(marked)}`);
  expect(ran).toEqual([]);
  await context.close();
  await api.dispose();
});
