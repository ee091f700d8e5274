// Every page, light and dark, narrow and wide, by axe-core's rules and by keyboard.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import * as api from '../api.mjs';
import * as pages from '../pages.mjs';
import { marketplace, story } from '../story.mjs';
import { tour } from '../tour.mjs';

const world = marketplace();
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const NARROW = { width: 320, height: 640 };
const once = { scripting: [true] };

for (const colorScheme of ['light', 'dark']) {
  story(world, `axe-core finds nothing on any page, ${colorScheme}`, async ({ arrive }) => {
    const found = [];
    await tour((name) => arrive(name, { colorScheme, reducedMotion: 'reduce' }), async (stop) => {
      found.push(...(await violations(stop.visitor)).map((violation) => `${stop.name} ${stop.path}: ${violation}`));
    });
    assert.deepEqual(found, [], `\n${found.join('\n')}`);
  }, once);
}

story(world, 'axe-core finds nothing on refused forms', async ({ arrive }) => {
  const [guest, seller] = [await arrive('Guest'), await arrive('Seller')];
  await api.signUp(seller);
  const found = [];
  const refuse = async (visitor, path, fields) => {
    await visitor.visit(path);
    await pages.withoutChecks(visitor, Object.keys(fields)[0]);
    assert.equal(await visitor.send(await pages.fill(visitor, fields)), 422);
    found.push(...(await violations(visitor)).map((violation) => `${path} refused: ${violation}`));
  };
  await refuse(guest, '/auth/signup', { email: 'nonsense', password: 'short' });
  await refuse(guest, '/auth/signin', { email: seller.email, password: 'not the password' });
  await refuse(seller, '/tickets/new', { title: ' ', price: '-1' });
  assert.deepEqual(found, [], `\n${found.join('\n')}`);
}, once);

story(world, 'nothing scrolls sideways at 320 pixels', async ({ arrive }) => {
  const found = [];
  await tour((name) => arrive(name, { viewport: NARROW }), async (stop) => {
    const wide = await stop.visitor.page.evaluate(tooWide);
    if (wide.length > 0) found.push(`${stop.name} ${stop.path}: ${wide.join('; ')}`);
  });
  assert.deepEqual(found, [], `\n${found.join('\n')}`);
});

story(world, 'a long word in a title does not break a narrow page', async ({ arrive }) => {
  const seller = await arrive('Seller', { viewport: NARROW });
  await api.signUp(seller);
  const ticket = await api.list(seller, 'W'.repeat(150), 999_999.99);
  for (const path of [`/tickets/${ticket.id}`, '/tickets/mine', `/tickets/${ticket.id}/edit`, '/']) {
    await seller.visit(path);
    assert.deepEqual(await seller.page.evaluate(tooWide), [], path);
  }
}, once);

story(world, 'light and dark are two different looks', async ({ arrive }) => {
  const background = async (colorScheme) => {
    const guest = await arrive(`Guest in the ${colorScheme}`, { colorScheme });
    await guest.visit('/');
    return guest.page.evaluate(() => {
      const colours = [document.body, document.documentElement].map((part) => getComputedStyle(part).backgroundColor);
      return colours.find((colour) => !/, 0\)$|transparent/.test(colour));
    });
  };
  assert.notEqual(await background('light'), await background('dark'));
}, once);

story(world, 'a ticket can be bought and paid for by keyboard alone', async ({ arrive, member }) => {
  const [seller, buyer] = [await member('Seller'), await arrive('Buyer')];
  await api.signUp(buyer);
  const ticket = await api.list(seller, 'By heart', 8);
  await pages.isBuyable(buyer, `/tickets/${ticket.id}`);
  await press(buyer, pages.BUY);
  await buyer.endsAt(/^\/orders\/[0-9a-f-]{36}/);
  await pages.payButton(buyer);
  await press(buyer, pages.PAY);
  await pages.isReceipt(buyer, ticket.title, /8/);
});

/** What axe-core objects to, with the elements and how to mend them. */
async function violations(visitor) {
  await visitor.page.evaluate(axe);
  const options = { rules: { 'target-size': { enabled: true } } };
  const { violations } = await visitor.page.evaluate((chosen) => window.axe.run(document, chosen), options);
  return violations.map(({ id, help, nodes }) => {
    const where = nodes.map((node) => `    ${node.target.join(' ')}: ${node.failureSummary.replace(/\s+/g, ' ')}`);
    return [`${id}: ${help}`, ...where].join('\n');
  });
}

/** Runs in the page: the elements that make it scroll sideways. */
function tooWide() {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const wide = [...document.querySelectorAll('body *')].filter((element) => element.getBoundingClientRect().right > width);
  const name = (element) => `<${element.localName} class="${element.className}"> to ${Math.round(element.getBoundingClientRect().right)}px`;
  return [`${document.documentElement.scrollWidth}px wide`, ...wide.slice(0, 5).map(name)];
}

/** Tabs to the button, sees that it has the focus, and presses Enter. */
async function press(visitor, name) {
  const button = visitor.main.getByRole('button', { name });
  for (let count = 0; count < 60; count += 1) {
    await visitor.page.keyboard.press('Tab');
    const focused = visitor.page.locator(':focus');
    const visible = await focused.evaluateAll(([element]) => {
      if (!element) return true;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      return (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none';
    });
    assert.ok(visible, `the focus is visible on ${await focused.evaluateAll(([element]) => element.outerHTML)}`);
    if (await button.evaluate((element) => element === document.activeElement)) {
      await visitor.sendBy(() => visitor.page.keyboard.press('Enter'));
      return;
    }
  }
  assert.fail(`60 times Tab at ${visitor.path} do not lead to the button ${name}`);
}
