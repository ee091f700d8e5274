// A hold that runs out: the page counts down, says so, and the ticket is free for others.

import assert from 'node:assert/strict';
import * as api from '../api.mjs';
import { eventually } from '../eventually.mjs';
import * as pages from '../pages.mjs';
import { marketplace, story } from '../story.mjs';

const HOLD_MS = 3_000;
const FREE_MS = 2_000;
const OVER = /ran out|time to pay is over/i;
const world = marketplace('--order-hold', `${HOLD_MS / 1000}s`);

story(world, 'a hold runs out and the ticket can be bought again', async ({ arrive, member, scripting }) => {
  const [seller, buyer, other] = [await member('Seller'), await arrive('Buyer'), await arrive('Other')];
  await Promise.all([buyer, other].map(api.signUp));
  const ticket = await api.list(seller, 'Blink', 15);
  await pages.isBuyable(buyer, `/tickets/${ticket.id}`);
  const order = await pages.buyOnPage(buyer);
  await buyer.sees(/\d+ ?s|second|\d:\d\d/i);

  await eventually('the page says that the hold has run out', HOLD_MS + FREE_MS, async () => {
    if (!scripting) await buyer.visit(order);
    assert.match(await buyer.main.innerText(), OVER);
  });
  await eventually('the order can no longer be paid', FREE_MS, async () => {
    if (!scripting) await buyer.visit(order);
    await buyer.isNotOffered(pages.PAY);
  });
  await pages.isBuyable(other, `/tickets/${ticket.id}`, FREE_MS);
  await pages.buyOnPage(other);
});

story(world, 'a page left open is too late to pay', async ({ arrive, member }) => {
  const [seller, buyer] = [await member('Seller'), await arrive('Buyer')];
  await api.signUp(buyer);
  const ticket = await api.list(seller, 'Daydream', 15);
  const order = await api.reserve(buyer, ticket.id);
  await buyer.visit(`/orders/${order.id}`);
  await pages.payButton(buyer);
  await eventually('the hold has run out', HOLD_MS + FREE_MS, async () => {
    assert.equal((await api.order(buyer, order.id)).status, 'cancelled');
  });
  const status = await buyer.send(buyer.main.getByRole('button', { name: pages.PAY }));
  assert.ok([303, 409, 422].includes(status), `a clear answer, not ${status}`);
  await buyer.sees(OVER);
  assert.deepEqual(await api.payments(buyer, order.id), []);
}, { scripting: [false] });

story(world, 'the countdown counts, in step with the server', async ({ arrive, member }) => {
  const [seller, buyer] = [await member('Seller'), await arrive('Buyer', { timezoneId: 'Pacific/Chatham' })];
  await api.signUp(buyer);
  const ticket = await api.list(seller, 'Tick', 15);
  const order = await api.reserve(buyer, ticket.id);
  await buyer.page.clock.install({ time: new Date('2001-01-01T00:00:00Z') }); // a browser whose clock is wrong
  await buyer.visit(`/orders/${order.id}`);
  const before = await buyer.main.innerText();
  assert.doesNotMatch(before, OVER);
  await buyer.page.clock.runFor(1_100);
  await eventually('the page has counted on', FREE_MS, async () => {
    assert.notEqual(await buyer.main.innerText(), before);
  });
}, { scripting: [true] });
