import { readFileSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import { basic, logIn, signUp } from './people';
import { imageWith } from './tar';

// What people write is text, wherever they write it: nothing of it runs.
const user = 'mallory';
const vectors: string[] = JSON.parse(readFileSync('../tests/data/xss.json', 'utf8'));
/** Ends every element in which text stands, and begins one of its own. */
const element = `x"'></title></textarea></script></style>--><h1 id=x>`;
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
    author: element,
    config: { User: element, WorkingDir: element, Entrypoint: [element], Labels: { ...labels, [element]: element, 'org.opencontainers.image.source': 'javascript:window.ran=1' }, Env: [marked, element], Cmd: [marked, element] },
    history: [{ created_by: marked, comment: element }],
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
  let asked = 0;
  page.on('request', () => asked++);
  for (const ended of ['requestfinished', 'requestfailed'] as const) page.on(ended as 'requestfinished', () => asked--);
  await logIn(page, user);
  /** Looks at a page, loaded by the browser or drawn by the program that runs in it. */
  const look = async (path: string, drawn: 'by the server' | 'in the browser' = 'by the server') => {
    if (drawn === 'by the server') await page.goto(path);
    else {
      await page.evaluate((path) => {
        Object.assign(window, { stays: true });
        const link = document.createElement('a');
        link.href = path;
        document.body.append(link);
        link.click();
      }, path);
      await page.waitForURL(new URL(path, baseURL).href);
      // What the page asks for is on its way by the next frame.
      await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
      await expect.poll(() => asked).toBe(0);
    }
    await page.waitForLoadState('networkidle');
    if (drawn === 'in the browser') expect(await page.evaluate(() => 'stays' in window), `${path} was loaded anew`).toBe(true);
    if (await page.evaluate(() => document.querySelector('#x') !== null)) ran.push(`element on ${path}, drawn ${drawn}`);
    expect(new URL(page.url()).pathname, 'was led elsewhere').toBe(new URL(path, baseURL).pathname);
    if (await page.evaluate(() => 'ran' in window)) ran.push(`script on ${path}`);
    for (const href of await page.locator('main a[href]').evaluateAll((links) => links.map((a) => (a as HTMLAnchorElement).protocol)))
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
  const described = await api.patch(`/api/v1/repositories/${user}/hostile`, { headers, data: { description: element, readme: element } });
  expect(described.ok(), await described.text()).toBe(true);
  const named = await api.post('/api/v1/tokens', { headers, data: { name: element } });
  expect(named.ok(), await named.text()).toBe(true);
  const texts = [marked, element].map(encodeURIComponent);
  const paths = [
    ...['', '/-/tags', '/-/tags/v1', '/-/activity', '/-/settings'].map((part) => `/r/${user}/hostile${part}`),
    ...[`/u/${user}`, '/settings/tokens', '/settings/profile', '/new', '/'],
    ...texts.flatMap((text) => [
      `/search?q=${text}`,
      `/r/${user}/hostile/-/tags?filter=${text}`,
      `/upload?repository=${text}&tag=${text}`,
      `/new?name=${text}`,
      `/u/${user}?sort=${text}`,
    ]),
  ];
  for (const path of paths) await look(path);
  for (const path of paths) await look(path, 'in the browser');
  await look(`/upload?repository=${texts[0]}&error=${texts[0]}`);
  expect(ran).toEqual([]);
  await context.close();
  await api.dispose();
});
