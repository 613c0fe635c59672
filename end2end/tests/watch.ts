import { expect, type BrowserContext } from '@playwright/test';

/** Notes what a page must never do: write to the console, throw, or ask another origin. */
export class Watch {
  private readonly complaints: string[] = [];
  private readonly allowed: RegExp[] = [];

  constructor(context: BrowserContext, origin: string, { scripted = true } = {}) {
    context.on('console', (message) => {
      // Chromium's remark on a form that opens by a link: the link has the focus, and keeps it.
      if (message.text().startsWith('Autofocus processing was blocked')) return;
      // And on what is preloaded for scripts that are switched off.
      if (!scripted && message.text().includes('was preloaded using link preload but not used')) return;
      this.note(`console ${message.type()}: ${message.text()} (${message.location().url})`);
    });
    context.on('weberror', (error) => this.note(`page error: ${error.error().message}`));
    context.on('request', (request) => {
      const url = new URL(request.url());
      if (url.origin !== origin && !['data:', 'blob:'].includes(url.protocol)) this.note(`request to ${request.url()}`);
    });
    context.on('requestfailed', (request) => {
      // A navigation away stops what is still loading: that is no failure. A browser without JavaScript
      // stops every script, and calls the reason "csp".
      const why = request.failure()?.errorText ?? '';
      if (!why.includes('ERR_ABORTED') && (scripted || why !== 'csp')) this.note(`request failed: ${request.url()}: ${why}`);
    });
  }

  /** The browser itself reports a refused form or a missing page; those that are meant are named here. */
  allow(complaint: RegExp) {
    this.allowed.push(complaint);
  }

  expectSilence() {
    const found = this.complaints.splice(0).filter((line) => !this.allowed.some((one) => one.test(line)));
    this.allowed.length = 0;
    expect(found, 'console, page errors, foreign requests').toEqual([]);
  }

  private note(complaint: string) {
    this.complaints.push(complaint);
  }
}
