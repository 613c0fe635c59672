import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from '@playwright/test';

// This file is read again in each worker: what is chosen the first time travels in the environment.
const freePort = () =>
  execFileSync(process.execPath, [
    '-e',
    'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})',
  ])
    .toString()
    .trim();
const port = (process.env.DOCKYARD_TEST_PORT ??= freePort());
const folder = (process.env.DOCKYARD_TEST_FOLDER ??= mkdtempSync(join(tmpdir(), 'dockyard-browser.')));
const programs = process.env.DOCKYARD_BIN_DIR;
const journeys = ['journey.spec.ts', 'owner.spec.ts', 'visitor.spec.ts'];
const origin = `http://127.0.0.1:${port}`;

export default defineConfig({
  testDir: 'tests',
  outputDir: `test-results/${port}`,
  globalTeardown: './teardown.ts',
  workers: 1,
  retries: 0,
  forbidOnly: true,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [['list'], ['json', { outputFile: process.env.PLAYWRIGHT_JSON_OUTPUT_NAME || 'test-results/report.json' }]],
  use: {
    baseURL: origin,
    viewport: { width: 1280, height: 800 },
    actionTimeout: 10_000,
    navigationTimeout: 20_000,
    video: 'off',
    trace: 'off',
    screenshot: 'only-on-failure',
    contextOptions: { reducedMotion: 'reduce' },
    launchOptions: {
      executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  projects: [
    { name: 'with JavaScript', testMatch: [...journeys, 'scripted.spec.ts', 'upload.spec.ts'], use: { javaScriptEnabled: true } },
    { name: 'without JavaScript', testMatch: journeys, use: { javaScriptEnabled: false } },
    { name: 'hostile', testMatch: 'hostile.spec.ts' },
    { name: 'pages', testMatch: 'pages.spec.ts' },
  ],
  webServer: {
    // The sample instance is what pages are looked at with: `scripts/browser.sh` made it.
    command:
      `cp -a '${process.env.DOCKYARD_TEST_SAMPLE}' '${folder}/data' && ` +
      `exec env DOCKYARD_SIGNUPS_PER_NETWORK=0 '${programs}/dockyard' serve --listen 127.0.0.1:${port} --data-dir '${folder}/data' 2>'${folder}/log'`,
    url: `${origin}/healthz`,
    timeout: 120_000,
    reuseExistingServer: false,
    gracefulShutdown: { signal: 'SIGTERM', timeout: 10_000 },
  },
});
