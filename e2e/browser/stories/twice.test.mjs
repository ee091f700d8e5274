// Whatever is pressed twice, refreshed or gone back to happens once.

import assert from 'node:assert/strict';
import * as api from '../api.mjs';
import { eventually } from '../eventually.mjs';
import * as pages from '../pages.mjs';
import { marketplace, story } from '../story.mjs';

const world = marketplace();

story(world, 'a double click on Buy makes one order', async (people) => {
  const { buyer, ticket } = await scene(people, 'Impatience');
  await pages.isBuyable(buyer, `/tickets/${ticket.id}`);
  await buyer.main.getByRole('button', { name: pages.BUY }).dblclick();
  await buyer.endsAt(/^\/orders\/[0-9a-f-]{36}/);
  await pages.payButton(buyer);
  const orders = await api.orders(buyer);
  assert.equal(orders.length, 1, JSON.stringify(orders));
  assert.equal(new URL(buyer.page.url()).pathname, `/orders/${orders[0].id}`);
});

story(world, 'a double click on Pay makes one payment', async (people) => {
  const { buyer, ticket } = await scene(people, 'Nervousness');
  const order = await api.reserve(buyer, ticket.id);
  await buyer.visit(`/orders/${order.id}`);
  assert.equal(await buyer.sendByDoubleClick(await pages.payButton(buyer)), 303);
  await pages.isReceipt(buyer, ticket.title, /20/);
  await paidOnce(buyer, order.id);
});

story(world, 'the same form sent twice at once is one act', async (people) => {
  const { buyer, ticket } = await scene(people, 'Twins');
  await pages.isBuyable(buyer, `/tickets/${ticket.id}`);
  const bought = await sendTwice(buyer, pages.BUY);
  const [order, ...more] = await api.orders(buyer);
  assert.deepEqual(more, []);
  assert.deepEqual(bought, [`/orders/${order.id}`, `/orders/${order.id}`], 'both answers lead to the order');

  await buyer.visit(`/orders/${order.id}`);
  await pages.payButton(buyer);
  const paid = await sendTwice(buyer, pages.PAY);
  assert.deepEqual(paid, [`/orders/${order.id}`, `/orders/${order.id}`], 'both answers lead to the order');
  await paidOnce(buyer, order.id);
});

story(world, 'Back and Refresh repeat nothing', async (people) => {
  const { buyer, ticket } = await scene(people, 'Second look');
  await pages.isBuyable(buyer, `/tickets/${ticket.id}`);
  const order = await pages.buyOnPage(buyer);
  await walkAround(buyer, order);
  assert.equal((await api.orders(buyer)).length, 1);

  await buyer.act(await pages.payButton(buyer));
  await walkAround(buyer, order);
  await paidOnce(buyer, order.split('/').pop());
  await buyer.visit(order);
  await pages.isReceipt(buyer, ticket.title, /20/);
});

story(world, 'a refreshed new listing is listed once', async ({ arrive }) => {
  const seller = await arrive('Seller');
  await api.signUp(seller);
  await seller.visit('/tickets/new');
  const sender = await pages.fill(seller, { title: 'Only one', price: '10' });
  await sender.dblclick();
  await seller.endsAt(/^\/tickets\/[0-9a-f-]{36}/);
  await walkAround(seller, new URL(seller.page.url()).pathname);
  const mine = await (await seller.context.request.get('/api/tickets/mine')).json();
  assert.deepEqual(mine.map((ticket) => ticket.title), ['Only one']);
});

async function scene({ arrive, member }, title) {
  const [seller, buyer] = [await member('Seller'), await arrive('Buyer')];
  await api.signUp(buyer);
  return { buyer, ticket: await api.list(seller, title, 20) };
}

/** Refreshes, goes back and forward: no form may be sent by that. */
async function walkAround(visitor, path) {
  const before = visitor.posts.length;
  await visitor.page.reload();
  await visitor.page.goBack();
  await visitor.page.reload();
  await visitor.page.goForward();
  await visitor.page.reload();
  assert.equal(new URL(visitor.page.url()).pathname, path);
  assert.deepEqual(visitor.posts.slice(before), [], 'nothing was sent again');
}

/** Sends what the button's form would send, twice at the same moment; answers with where each leads. */
async function sendTwice(visitor, name) {
  const button = visitor.main.getByRole('button', { name });
  const { action, fields } = await button.evaluate((element) => ({
    action: element.form.action,
    fields: Object.fromEntries(new FormData(element.form, element)),
  }));
  const send = () =>
    visitor.context.request.post(action, {
      form: fields,
      headers: { origin: visitor.baseURL, 'sec-fetch-site': 'same-origin' },
      maxRedirects: 0,
    });
  const responses = await Promise.all([send(), send()]);
  return responses.map((response) => {
    const location = response.headers().location ?? `${response.status()}`;
    return location.startsWith('http') ? new URL(location).pathname : location;
  });
}

async function paidOnce(buyer, orderId) {
  await eventually('the order is complete', 5_000, async () => {
    assert.equal((await api.order(buyer, orderId)).status, 'complete');
  });
  const payments = await api.payments(buyer, orderId);
  assert.equal(payments.length, 1, JSON.stringify(payments));
}
