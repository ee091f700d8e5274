// A seller changes a listing, takes it back, and sees all of their own.

import assert from 'node:assert/strict';
import * as api from '../api.mjs';
import { eventually } from '../eventually.mjs';
import * as pages from '../pages.mjs';
import { marketplace, story } from '../story.mjs';

const world = marketplace();

story(world, 'a listing is edited', async ({ arrive }) => {
  const [seller, buyer] = [await arrive('Seller'), await arrive('Buyer')];
  await Promise.all([seller, buyer].map(api.signUp));
  const ticket = await api.list(seller, 'Frist row', 30);
  const title = ticket.title.replace('Frist', 'First');

  await seller.visit(`/tickets/${ticket.id}/edit`);
  const filled = pages.form(seller, 'price');
  assert.equal(await filled.locator('[name="title"]').inputValue(), ticket.title);
  assert.equal(Number(await filled.locator('[name="price"]').inputValue()), 30);
  await seller.act(await pages.fill(seller, { title, price: '27.25' }));

  await pages.isBuyable(buyer, `/tickets/${ticket.id}`);
  await buyer.sees(title);
  await buyer.sees(/27\.25/);
});

story(world, 'a listing is withdrawn', async ({ arrive }) => {
  const [seller, buyer] = [await arrive('Seller'), await arrive('Buyer')];
  await Promise.all([seller, buyer].map(api.signUp));
  const ticket = await api.list(seller, 'Changed my mind', 18);
  await seller.visit(`/tickets/${ticket.id}`);
  const withdraw = seller.main.getByRole('button', { name: pages.WITHDRAW });
  if ((await withdraw.count()) === 0) await seller.visit(`/tickets/${ticket.id}/edit`);
  await seller.act(withdraw);

  await pages.isNotBuyable(buyer, `/tickets/${ticket.id}`, /withdrawn/i);
  await buyer.visit(`/?q=${encodeURIComponent(ticket.title)}`);
  assert.equal(await buyer.main.getByRole('link', { name: ticket.title }).count(), 0, 'no longer on sale');
  await seller.visit('/tickets/mine');
  await seller.sees(ticket.title);
  await seller.sees(/withdrawn/i);
});

story(world, 'my listings show every state', async ({ arrive, member }) => {
  const [seller, buyer] = [await arrive('Seller'), await member('Buyer')];
  await api.signUp(seller);
  const [free, held, sold] = [
    await api.list(seller, 'Free', 1),
    await api.list(seller, 'Taken', 2),
    await api.list(seller, 'Gone', 3),
  ];
  await api.reserve(buyer, held.id);
  const order = await api.reserve(buyer, sold.id);
  await api.pay(buyer, order.id);
  await api.isHeld(seller, held.id);
  await pages.isNotBuyable(seller, `/tickets/${sold.id}`, /^sold$/im);

  await seller.visit('/tickets/mine');
  for (const text of [free.title, held.title, sold.title, /held|reserved/i, /sold/i]) await seller.sees(text);
});

story(world, 'a listing in somebody’s hands can’t be changed', async ({ arrive, member }) => {
  const [seller, buyer] = [await arrive('Seller'), await member('Buyer')];
  await api.signUp(seller);
  const ticket = await api.list(seller, 'Too late', 50);
  await seller.visit(`/tickets/${ticket.id}/edit`);
  await api.reserve(buyer, ticket.id);
  await api.isHeld(seller, ticket.id);
  const status = await seller.send(await pages.fill(seller, { price: '500' }));
  assert.equal(status, 422, 'a change that comes too late is refused as a form');
  await seller.sees(/held|reserved|somebody/i);
});

story(world, 'a seller who can’t deliver gives the money back', async ({ arrive }) => {
  const [seller, buyer] = [await arrive('Seller'), await arrive('Buyer')];
  await Promise.all([seller, buyer].map(api.signUp));
  const ticket = await api.list(seller, 'Lost in the post', 60);
  const order = await api.reserve(buyer, ticket.id);
  await api.pay(buyer, order.id);
  await pages.isNotBuyable(seller, `/tickets/${ticket.id}`, /^sold$/im);
  await pages.form(seller, 'relist').locator('[name="relist"][value="yes"]').check();
  await seller.act(seller.main.getByRole('button', { name: /refund/i }));

  await eventually('the buyer sees the money returned', 5_000, async () => {
    await buyer.visit(`/orders/${order.id}`);
    assert.match(await buyer.main.innerText(), /returned/i);
  });
  assert.equal((await api.order(buyer, order.id)).status, 'refunded');
  await pages.isBuyable(buyer, `/tickets/${ticket.id}`);
});

story(world, 'nobody edits what is not theirs', async ({ arrive, member }) => {
  const [seller, other] = [await member('Seller'), await arrive('Other')];
  await api.signUp(other);
  const ticket = await api.list(seller, 'Mine', 10);
  await pages.isBuyable(other, `/tickets/${ticket.id}`);
  await other.isNotOffered(/^edit\b/i);
  await other.isNotOffered(pages.WITHDRAW);
  await other.visit(`/tickets/${ticket.id}/edit`, 403);
});
