// Somebody at a browser of their own, who notices everything that is odd: script errors, foreign hosts, weak headers.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { eventually } from './eventually.mjs';

const PATIENCE_MS = 10_000;
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Debian's Chromium. */
export function launch() {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}

export class Visitor {
  /** Opens a browser window without history or cookies; `options` are the browser context's. */
  static async arrive(browser, baseURL, name, options = {}) {
    const context = await browser.newContext({ baseURL, ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    const visitor = new Visitor(name, baseURL, context, await context.newPage());
    visitor.#watch();
    return visitor;
  }

  constructor(name, baseURL, context, page) {
    Object.assign(this, { name, baseURL, context, page, oddities: [], posts: [] });
  }

  /** Where the visitor is, without the host. */
  get path() {
    const { pathname, search } = new URL(this.page.url());
    return pathname + search;
  }

  /** What the page is about: everything but its frame. */
  get main() {
    return this.page.getByRole('main');
  }

  /** Goes to a page, which must answer with this status. */
  async visit(path, status = 200) {
    const response = await this.page.goto(path);
    assert.equal(response.status(), status, `${this.name} visits ${path}`);
    return response;
  }

  /** Presses what sends a form and waits for the page that follows; answers with the form's own status. */
  async send(button) {
    return this.sendBy(() => button.click());
  }

  /** As `send`, with a double click: the first click's request may be broken off by the second's. */
  async sendByDoubleClick(button) {
    return this.sendBy(() => button.dblclick());
  }

  /** As `send`, by another way to press the button. */
  async sendBy(press) {
    const isForm = (response) =>
      response.request().method() === 'POST' && response.request().isNavigationRequest();
    const [response] = await Promise.all([
      this.page.waitForResponse(isForm),
      this.page.waitForEvent('domcontentloaded'),
      press(),
    ]);
    return response.status();
  }

  /** As `send`, for a form that must be accepted: POST, 303, GET. */
  async act(button) {
    const status = await this.send(button);
    if (status !== 303) {
      assert.fail(`${this.name} sent a form that was answered with ${status}, not 303:\n${await this.#excerpt()}`);
    }
  }

  /** Waits until a page with such an address has come, however many were broken off on the way. */
  async endsAt(pattern) {
    await eventually(`${this.name} ends at ${pattern}`, PATIENCE_MS, async () => {
      assert.match(this.path, pattern);
      await this.page.waitForLoadState();
    });
  }

  /** The page's main part shows this text. */
  async sees(text) {
    const shown = this.main.getByText(text).filter({ visible: true });
    await shown.first().waitFor().catch(async () => {
      assert.fail(`${this.name} at ${this.path} should see ${text}, but sees:\n${await this.#excerpt()}`);
    });
  }

  /** The page's main part offers no such button or link. */
  async isNotOffered(name) {
    for (const role of ['button', 'link']) {
      const count = await this.main.getByRole(role, { name }).count();
      assert.equal(count, 0, `${this.name} at ${this.path} should not be offered ${role} ${name}`);
    }
  }

  /** Fails when anything odd was noticed since the arrival. */
  finds() {
    assert.deepEqual(this.oddities, [], `${this.name} noticed:\n${this.oddities.join('\n')}`);
  }

  /** What the visitor has before them, for a failure's report. */
  async report(picture) {
    const shown = await this.page.screenshot({ path: picture, fullPage: true }).then(
      () => `picture: ${picture}`,
      (error) => `no picture: ${error.message}`,
    );
    const lines = [`--- ${this.name} at ${this.page.url()}; ${shown}`, await this.#excerpt()];
    return [...lines, ...this.oddities.map((oddity) => `noticed: ${oddity}`)].join('\n');
  }

  async #excerpt() {
    const tree = await this.page.locator('body').ariaSnapshot().catch((error) => error.message);
    return tree.split('\n').slice(0, 60).join('\n');
  }

  #watch() {
    const host = new URL(this.baseURL).host;
    this.context.on('request', (request) => {
      const url = new URL(request.url());
      if (url.protocol !== 'data:' && url.host !== host) this.oddities.push(`asked ${url.host} for ${url.pathname}`);
      if (request.method() === 'POST') this.posts.push(url.pathname);
    });
    this.context.on('response', (response) => this.#judge(response));
    this.page.on('pageerror', (error) => this.oddities.push(`script error: ${error.message}`));
    this.page.on('console', (message) => {
      const refusedPage = /^Failed to load resource: .* status of 4\d\d/.test(message.text());
      const isPage = new URL(message.location().url || 'about:blank').href === this.page.url();
      if (message.type() === 'error' && !(refusedPage && isPage)) {
        this.oddities.push(`console: ${message.text()} (${message.location().url})`);
      }
    });
  }

  /** A page is our own, guarded by a strict policy; nothing fails on our side; what a page needs is there. */
  #judge(response) {
    const isPage = response.request().isNavigationRequest();
    const note = (what) => this.oddities.push(`${response.request().method()} ${response.url()}: ${what}`);
    const status = response.status();
    if (status >= 500) note(`answered ${status}`);
    if (!isPage && status >= 400 && response.request().resourceType() !== 'fetch') note(`a part answered ${status}`);
    if (!isPage || status < 200 || (status >= 300 && status < 400)) return;
    const headers = response.headers();
    const policy = headers['content-security-policy'] ?? '';
    if (!/default-src\s/.test(policy)) note(`policy has no default-src: "${policy}"`);
    if (/unsafe-(inline|eval)|\*/.test(policy)) note(`policy is not strict: "${policy}"`);
    if (headers['x-content-type-options'] !== 'nosniff') note('no X-Content-Type-Options: nosniff');
    if (!/^text\/html;\s*charset=utf-8$/i.test(headers['content-type'] ?? '')) note(`is ${headers['content-type']}`);
  }
}
