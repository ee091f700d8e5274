// From a stranger to a ticket's owner, and every page that somebody else sees meanwhile.

import assert from 'node:assert/strict';
import * as api from '../api.mjs';
import * as pages from '../pages.mjs';
import { marketplace, story } from '../story.mjs';

const world = marketplace();

story(world, 'a ticket is listed, found, reserved and paid for', async ({ arrive }) => {
  const seller = await arrive('Seller');
  await pages.signUpOnPage(seller, api.newAddress('seller'), api.PASSWORD);
  const title = `Evening concert ${Date.now()}`;
  const ticket = await pages.sellOnPage(seller, title, '40.50');
  await seller.sees(title);
  await seller.sees(/40\.50/);

  const buyer = await arrive('Buyer');
  await pages.signUpOnPage(buyer, api.newAddress('buyer'), api.PASSWORD);
  await pages.find(buyer, title);
  assert.equal(new URL(buyer.page.url()).pathname, ticket);
  const order = await pages.buyOnPage(buyer);
  await buyer.sees(/40\.50/);
  await buyer.sees(/sandbox/i);

  await buyer.act(await pages.payButton(buyer));
  assert.equal(new URL(buyer.page.url()).pathname, order);
  await pages.isReceipt(buyer, title, /40\.50/);

  await buyer.visit('/orders');
  await buyer.sees(title);
});

story(world, 'a ticket that is held, sold or one’s own says so and can’t be bought', async ({ arrive }) => {
  const [seller, buyer, other] = [await arrive('Seller'), await arrive('Buyer'), await arrive('Other')];
  await Promise.all([seller, buyer, other].map(api.signUp));
  const ticket = await api.list(seller, 'Matinee', 12);
  const page = `/tickets/${ticket.id}`;
  await pages.isBuyable(other, page);
  await pages.isNotBuyable(seller, page, /your/i);

  const order = await api.reserve(buyer, ticket.id);
  await pages.isNotBuyable(other, page, /held|reserved/i);
  await pages.isNotBuyable(buyer, page, /you|your/i);

  await api.pay(buyer, order.id);
  await pages.isNotBuyable(other, page, /sold/i);
  await pages.isNotBuyable(seller, page, /sold/i);
});

story(world, 'a cancelled order sets its ticket free', async ({ arrive, member }) => {
  const [seller, buyer, other] = [await member('Seller'), await arrive('Buyer'), await arrive('Other')];
  await Promise.all([buyer, other].map(api.signUp));
  const ticket = await api.list(seller, 'Second thoughts', 25);
  await pages.isBuyable(buyer, `/tickets/${ticket.id}`);
  await pages.buyOnPage(buyer);
  await pages.isNotBuyable(other, `/tickets/${ticket.id}`, /held|reserved/i);

  await buyer.act(buyer.main.getByRole('button', { name: pages.CANCEL }));
  await buyer.sees(/cancelled/i);
  await buyer.isNotOffered(pages.PAY);
  await pages.isBuyable(other, `/tickets/${ticket.id}`);
  await pages.buyOnPage(other);
});

story(world, 'a declined card costs nothing and may be followed by a good one', async ({ arrive, member }) => {
  const [seller, buyer] = [await member('Seller'), await arrive('Buyer')];
  await api.signUp(buyer);
  const ticket = await api.list(seller, 'Short of money', 99);
  const order = await api.reserve(buyer, ticket.id);
  await buyer.visit(`/orders/${order.id}`);
  const pay = await pages.payButton(buyer);
  await pages.form(buyer, 'token').locator('[name="token"]').selectOption('tok_chargeDeclined');
  assert.equal(await buyer.send(pay), 422, 'a declined card');
  await buyer.sees(/declined/i);

  await buyer.visit(`/orders/${order.id}`);
  await buyer.sees(/declined/i);
  await buyer.act(await pages.payButton(buyer));
  await pages.isReceipt(buyer, ticket.title, /99/);
});

story(world, 'a visitor who is not signed in is brought back to the ticket', async ({ arrive, member }) => {
  const [seller, buyer] = [await member('Seller'), await arrive('Buyer')];
  await api.signUp(buyer);
  await buyer.context.clearCookies();
  const ticket = await api.list(seller, 'Open house', 5);
  await buyer.visit(`/tickets/${ticket.id}`);
  const signIn = buyer.main.getByRole('link', { name: /sign in/i });
  const buy = buyer.main.getByRole('button', { name: pages.BUY });
  if (await signIn.count()) await signIn.first().click();
  else await buyer.send(buy);
  await buyer.endsAt(/^\/auth\/signin/);
  await buyer.act(await pages.fill(buyer, { email: buyer.email, password: api.PASSWORD }));
  assert.equal(new URL(buyer.page.url()).pathname, `/tickets/${ticket.id}`);
  await pages.buyOnPage(buyer);
});
