import { mkdirSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, type Browser, type BrowserContext, type Page } from '@playwright/test';
import { logIn, signUp } from './people';
import { Watch } from './watch';

// Every page of the sample instance in both themes, on a phone, a tablet and a desk: axe finds nothing, nothing sticks
// out or moves while it loads, the console is silent. The pictures in target/screenshots are for a person to look at.
const pictures = '../target/screenshots';

const forStrangers = {
  home: '/',
  signup: '/signup',
  login: '/login?next=/new',
  search: '/search?q=postgres',
  'search-all': '/search?q=&sort=pulls&platform=linux/arm64',
  'search-near': '/search?q=postgers',
  'search-nothing': '/search?q=nothingatall',
  user: '/u/edge',
  'user-stars': '/u/alice?tab=stars',
  repository: '/r/harbour/web',
  'repository-long': '/r/ops/postgres',
  'repository-chart': '/r/harbour/charts/platform',
  'repository-bare': '/r/alice/scratchpad',
  tags: '/r/harbour/api/-/tags',
  'tags-filtered': '/r/harbour/api/-/tags?filter=nothing',
  tag: '/r/edge/nginx/-/tags/latest',
  activity: '/r/harbour/web/-/activity',
  missing: '/r/harbour/missing',
};
const forMembers = {
  'member-home': '/',
  'member-new': '/new',
  'member-upload': '/upload',
  'member-repository': '/r/alice/notes',
  'member-private': '/r/alice/journal',
  'member-empty': '/r/alice/scratchpad',
  'member-tags': '/r/alice/hello/-/tags',
  'member-tag': '/r/alice/hello/-/tags/latest',
  'member-settings': '/r/alice/notes/-/settings',
  'member-delete': '/r/alice/hello/-/delete-tags?tag=latest',
  'member-stars': '/u/alice?tab=stars',
  'member-forbidden': '/r/edge/nginx/-/settings',
  'settings-profile': '/settings/profile',
  'settings-password': '/settings/password',
  'settings-sessions': '/settings/sessions',
  'settings-tokens': '/settings/tokens',
  'settings-account': '/settings/account',
};
/** Someone who has nothing yet. */
const forNewcomers = { 'newcomer-home': '/', 'newcomer-user': '/u/newcomer' };
/** The order of headings and the cells of tables in a README are its author's. */
const written = '.markdown :is(h2, h3, h4, h5, h6, th)';
/** Pages that answer with an error because they should. */
const refusals = ['missing', 'member-forbidden'];

test.beforeAll(() => mkdirSync(pictures, { recursive: true }));

interface Shift extends PerformanceEntry {
  value: number;
  hadRecentInput: boolean;
  sources: { node?: Element; previousRect: DOMRect; currentRect: DOMRect }[];
}

/** Notes how far things moved that nobody asked to move, and which. */
async function watchShifts(page: Page) {
  await page.addInitScript(() => {
    const shifts: string[] = [];
    const sum = { value: 0, shifts };
    Object.assign(window, { moved: sum });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as Shift[]) {
        if (entry.hadRecentInput) continue;
        sum.value += entry.value;
        const name = (s: Shift['sources'][number]) =>
          `${s.node?.nodeName}.${s.node?.getAttribute?.('class')} ${s.previousRect.x},${s.previousRect.y} to ${s.currentRect.x},${s.currentRect.y}`;
        shifts.push(`${entry.value.toFixed(4)} at ${entry.startTime.toFixed()} ms: ${entry.sources.map(name).join('; ')}`);
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
}

async function look(context: BrowserContext, origin: string, name: string, path: string, width: number) {
  const watch = new Watch(context, origin);
  if (refusals.includes(name)) watch.allow(/status of 40[34]/);
  const page = await context.newPage();
  await watchShifts(page);
  await page.setViewportSize({ width, height: 844 });
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    await page.goto(path);
    await page.waitForLoadState('networkidle');
    // Before the picture: for that, the window grows.
    const measured = await page.evaluate(() => ({
      wider: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      ...(window as unknown as { moved: { value: number; shifts: string[] } }).moved,
    }));
    await page.screenshot({ path: `${pictures}/${name}-${width}-${theme}.png`, fullPage: true });
    expect.soft(measured.wider, `${name} ${theme}: pixels wider than the window`).toBeLessThanOrEqual(0);
    expect.soft(measured.value, `${name} ${theme}: layout shift\n${measured.shifts.join('\n')}`).toBeLessThan(0.02);
    if (width === 768) continue;
    const axe = new AxeBuilder({ page }).exclude(written);
    // The dark theme is the same document in other colours.
    if (theme === 'dark') axe.withRules(['color-contrast', 'link-in-text-block']);
    const { violations } = await axe.analyze();
    const found = violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`);
    expect.soft(found, `${name} ${theme}: accessibility`).toEqual([]);
  }
  await page.close();
  watch.expectSilence();
}

/** What a browser keeps of each user who logged in, by name. */
const logins = new Map<string, Promise<Awaited<ReturnType<BrowserContext['storageState']>>>>();

async function member(browser: Browser, origin: string, user: string, secret?: string) {
  const logInOnce = async () => {
    const context = await browser.newContext({ baseURL: origin });
    await logIn(await context.newPage(), user, secret);
    const state = await context.storageState();
    await context.close();
    return state;
  };
  if (!logins.has(user)) logins.set(user, logInOnce());
  return browser.newContext({ baseURL: origin, storageState: await logins.get(user) });
}

// A context each: they run side by side.
for (const width of [360, 768, 1280]) {
  for (const [name, path] of Object.entries(forStrangers))
    test(`${name} at ${width}`, async ({ browser, baseURL }) => {
      const context = await browser.newContext();
      await look(context, baseURL!, name, path, width);
      await context.close();
    });
  for (const [name, path] of Object.entries(forMembers))
    test(`${name} at ${width}`, async ({ browser, baseURL }) => {
      const context = await member(browser, baseURL!, 'alice', 'alice-demo');
      await look(context, baseURL!, name, path, width);
      await context.close();
    });
  for (const [name, path] of Object.entries(forNewcomers))
    test(`${name} at ${width}`, async ({ browser, baseURL, playwright }) => {
      const api = await playwright.request.newContext({ baseURL });
      await signUp(api, 'newcomer');
      await api.dispose();
      const context = await member(browser, baseURL!, 'newcomer');
      await look(context, baseURL!, name, path, width);
      await context.close();
    });
}
