import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, type Browser, type Page } from '@playwright/test';
import { logIn, signUp } from './people';
import { Watch } from './watch';

// Every page of the sample instance in both themes, on a phone, a tablet and a desk: axe finds nothing, nothing sticks
// out or moves while it loads, the console is silent. `make screenshots` also makes a picture of each, for a person to
// look at: they would take a sixth of the time of all browser tests.
const pictures = process.env.DOCKYARD_SCREENSHOTS;

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

async function look({ page, watch }: Visitor, name: string, path: string, width: number) {
  if (refusals.includes(name)) watch.allow(/status of 40[34]/);
  await page.setViewportSize({ width, height: 844 });
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  await page.goto(path);
  await page.waitForLoadState('networkidle');
  // Before the pictures: for those, the window grows.
  const moved = await page.evaluate(() => (window as unknown as { moved: { value: number; shifts: string[] } }).moved);
  expect.soft(moved.value, `${name}: layout shift\n${moved.shifts.join('\n')}`).toBeLessThan(0.02);
  // The dark theme is the same document in other colours.
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect.soft(wider, `${name} ${theme}: pixels wider than the window`).toBeLessThanOrEqual(0);
    if (pictures) await page.screenshot({ path: `${pictures}/${name}-${width}-${theme}.png`, fullPage: true });
    if (width === 768) continue;
    const axe = new AxeBuilder({ page }).exclude(written);
    if (theme === 'dark') axe.withRules(['color-contrast', 'link-in-text-block']);
    const { violations } = await axe.analyze();
    const found = violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`);
    expect.soft(found, `${name} ${theme}: accessibility`).toEqual([]);
  }
  watch.expectSilence();
}

interface Visitor {
  page: Page;
  watch: Watch;
}

/** Who visits pages in this worker, by name: a page each, as to start a browser's process takes longer than to look. */
const visitors = new Map<string, Promise<Visitor>>();

/** Opens a page in which nobody is logged in, or a user; every load of it asks for everything anew. */
function visitor(browser: Browser, origin: string, user?: string, secret?: string): Promise<Visitor> {
  const open = async () => {
    const context = await browser.newContext({ baseURL: origin });
    const page = await context.newPage();
    if (user) await logIn(page, user, secret);
    const watch = new Watch(context, origin);
    await watchShifts(page);
    const session = await context.newCDPSession(page);
    await session.send('Network.enable');
    await session.send('Network.setCacheDisabled', { cacheDisabled: true });
    return { page, watch };
  };
  const key = user ?? '';
  const found = visitors.get(key) ?? open();
  visitors.set(key, found);
  return found;
}

for (const width of [360, 768, 1280]) {
  for (const [name, path] of Object.entries(forStrangers))
    test(`${name} at ${width}`, async ({ browser, baseURL }) => {
      await look(await visitor(browser, baseURL!), name, path, width);
    });
  for (const [name, path] of Object.entries(forMembers))
    test(`${name} at ${width}`, async ({ browser, baseURL }) => {
      await look(await visitor(browser, baseURL!, 'alice', 'alice-demo'), name, path, width);
    });
  for (const [name, path] of Object.entries(forNewcomers))
    test(`${name} at ${width}`, async ({ browser, baseURL, playwright }) => {
      const api = await playwright.request.newContext({ baseURL });
      await signUp(api, 'newcomer');
      await api.dispose();
      await look(await visitor(browser, baseURL!, 'newcomer'), name, path, width);
    });
}
