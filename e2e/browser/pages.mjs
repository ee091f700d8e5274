// What people do on the pages, by what they read there: roles, labels and the fields' names.

import assert from 'node:assert/strict';
import { eventually } from './eventually.mjs';

export const BUY = /^(buy|reserve)\b/i;
export const PAY = /^pay\b/i;
export const CANCEL = /^cancel\b/i;
export const WITHDRAW = /^withdraw\b/i;
export const SIGN_OUT = /^sign out$/i;

/** How soon a change by one person is seen by another. */
const SEEN_MS = 2_000;

/** The form of the page's main part that has such a field. */
export function form(visitor, field) {
  return visitor.main.locator('form').filter({ has: visitor.page.locator(`[name="${field}"]`) });
}

/** What sends a form. */
export function sender(form) {
  return form.locator('button[type="submit"], button:not([type]), input[type="submit"]').first();
}

/** Fills the fields by their names and answers with what sends them. */
export async function fill(visitor, fields) {
  const [first] = Object.keys(fields);
  const filled = form(visitor, first);
  for (const [name, value] of Object.entries(fields)) {
    await filled.locator(`[name="${name}"]`).fill(value);
  }
  return sender(filled);
}

/** Lets a form be sent that the browser itself would hold back, as an old browser does. */
export async function withoutChecks(visitor, field) {
  await form(visitor, field).evaluate((element) => element.setAttribute('novalidate', ''));
}

export async function signUpOnPage(visitor, email, password) {
  await visitor.visit('/auth/signup');
  await visitor.act(await fill(visitor, { email, password }));
  visitor.email = email;
}

export async function signInOnPage(visitor, email, password, next = '') {
  await visitor.visit(`/auth/signin${next && `?next=${encodeURIComponent(next)}`}`);
  return visitor.send(await fill(visitor, { email, password }));
}

/** Puts a ticket on sale and answers with its page's path. */
export async function sellOnPage(visitor, title, price) {
  await visitor.visit('/tickets/new');
  await visitor.act(await fill(visitor, { title, price }));
  assert.match(visitor.path, /^\/tickets\/[0-9a-f-]{36}/, 'after listing, one sees the ticket');
  return new URL(visitor.page.url()).pathname;
}

/** Finds a ticket by searching the home page, and opens it. */
export async function find(visitor, title) {
  const link = visitor.main.getByRole('link', { name: title });
  await eventually(`a search for "${title}" finds it`, SEEN_MS, async () => {
    await visitor.visit('/');
    const box = visitor.page.locator('input[name="q"]').first();
    await box.fill(title);
    await box.press('Enter');
    await visitor.page.waitForURL((url) => url.searchParams.get('q') === title);
    assert.equal(await link.count(), 1, `${visitor.path} shows it`);
  });
  await link.click();
  await visitor.endsAt(/^\/tickets\/[0-9a-f-]{36}/);
}

/** Waits until the ticket's page offers it for sale. */
export async function isBuyable(visitor, path, withinMs = SEEN_MS) {
  await eventually(`${path} can be bought`, withinMs, async () => {
    await visitor.visit(path);
    assert.equal(await visitor.main.getByRole('button', { name: BUY }).count(), 1, 'a Buy button');
  });
}

/** Waits until the ticket's page says so and offers no sale. */
export async function isNotBuyable(visitor, path, says) {
  await eventually(`${path} says ${says} and has no Buy button`, SEEN_MS, async () => {
    await visitor.visit(path);
    assert.match(await visitor.main.innerText(), says);
    await visitor.isNotOffered(BUY);
  });
}

/** Buys the ticket before one, and answers with the order's path. */
export async function buyOnPage(visitor) {
  await visitor.act(visitor.main.getByRole('button', { name: BUY }));
  assert.match(visitor.path, /^\/orders\/[0-9a-f-]{36}/, 'after reserving, one sees the order');
  return new URL(visitor.page.url()).pathname;
}

/** The button that pays, once the order is ready for it. */
export async function payButton(visitor) {
  const button = visitor.main.getByRole('button', { name: PAY });
  await eventually('the order can be paid', SEEN_MS, async () => {
    if ((await button.count()) === 0) await visitor.page.reload();
    assert.equal(await button.count(), 1, 'a Pay button');
  });
  return button;
}

/** The page shows a receipt, at once or as soon as the money has moved. */
export async function isReceipt(visitor, title, amount) {
  await eventually('a receipt', 5_000, async () => {
    const text = await visitor.main.innerText();
    if (!/receipt/i.test(text)) {
      await visitor.page.reload();
    }
    for (const part of [/receipt/i, /paid/i, title, amount]) {
      assert.ok(text.match(part), `a receipt should have ${part}; there is:\n${text}`);
    }
  });
  await visitor.isNotOffered(PAY);
  await visitor.isNotOffered(CANCEL);
}

/** A refused field is marked, keeps what was typed, and says what is wrong with it. */
export async function isMarked(visitor, name, typed) {
  const field = visitor.main.locator(`[name="${name}"]`);
  assert.equal(await field.inputValue(), typed, `${name} keeps what was typed`);
  assert.equal(await field.getAttribute('aria-invalid'), 'true', `${name} is marked as invalid`);
  const names = ['aria-describedby', 'aria-errormessage'];
  const ids = (await Promise.all(names.map((attribute) => field.getAttribute(attribute)))).join(' ').split(' ');
  const texts = ids.filter(Boolean).map((id) => visitor.page.locator(`[id="${id}"]`).innerText());
  const said = (await Promise.all(texts)).join(' ').trim();
  assert.notEqual(said, '', `${name} is described by what is wrong with it`);
}
