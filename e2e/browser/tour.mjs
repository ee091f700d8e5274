// Every page in every state worth looking at, with somebody to whom it is shown.

import * as api from './api.mjs';
import * as pages from './pages.mjs';

/**
 * Sets the scene with a seller, a buyer and a guest, goes to each stop, `{ name, path, status, visitor }`, and has
 * `see(stop)` see it. `arrive(name)` brings somebody in.
 */
export async function tour(arrive, see) {
  const [guest, seller, buyer, newcomer] = await Promise.all(['Guest', 'Seller', 'Buyer', 'Newcomer'].map((name) => arrive(name)));
  await Promise.all([seller, buyer, newcomer].map(api.signUp));
  const { tickets, orders, bank } = await trade(seller, buyer);
  const unknown = '/tickets/0190a000-0000-7000-8000-000000000000';
  const stop = (visitor, name, path, status = 200) => ({ visitor, name, path, status });
  const stops = [
    stop(guest, 'home', '/'),
    stop(guest, 'home-nothing-found', '/?q=zzzz-nothing-is-called-this'),
    stop(guest, 'ticket', `/tickets/${tickets.free.id}`),
    stop(guest, 'ticket-held', `/tickets/${tickets.held.id}`),
    stop(guest, 'ticket-sold', `/tickets/${tickets.sold.id}`),
    stop(guest, 'ticket-withdrawn', `/tickets/${tickets.withdrawn.id}`),
    stop(guest, 'sign-up', '/auth/signup'),
    stop(guest, 'sign-in', '/auth/signin?next=%2Forders'),
    stop(guest, 'reset', '/auth/reset'),
    stop(guest, 'not-found', unknown, 404),
    stop(guest, 'mail', '/dev/mail'),
    stop(buyer, 'home-signed-in', '/'),
    stop(buyer, 'ticket-to-buy', `/tickets/${tickets.free.id}`),
    stop(buyer, 'orders', '/orders'),
    stop(buyer, 'order-to-pay', `/orders/${orders.held.id}`),
    stop(buyer, 'order-to-confirm', `/orders/${orders.unconfirmed.id}`),
    stop(buyer, 'bank', bank),
    stop(buyer, 'order-receipt', `/orders/${orders.sold.id}`),
    stop(buyer, 'order-cancelled', `/orders/${orders.cancelled.id}`),
    stop(buyer, 'account', '/account'),
    stop(seller, 'ticket-own', `/tickets/${tickets.free.id}`),
    stop(seller, 'ticket-own-sold', `/tickets/${tickets.sold.id}`),
    stop(seller, 'sell', '/tickets/new'),
    stop(seller, 'edit', `/tickets/${tickets.free.id}/edit`),
    stop(seller, 'listings', '/tickets/mine'),
    stop(newcomer, 'orders-none', '/orders'),
    stop(newcomer, 'listings-none', '/tickets/mine'),
  ];
  for (const stop of stops) {
    await look(stop);
    await see(stop);
  }
  // A payment that nobody ever confirms would not come to rest.
  await api.cancel(buyer, orders.unconfirmed.id);
}

/** Goes to a stop, for the first time or again. */
export function look({ visitor, path, status }) {
  return visitor.visit(path, status);
}

async function trade(seller, buyer) {
  const titles = {
    free: 'Chamber music',
    held: 'Open air',
    unconfirmed: 'Matinee',
    sold: 'Opening night',
    cancelled: 'Reading',
    withdrawn: 'Late show',
  };
  const tickets = {};
  for (const [state, title] of Object.entries(titles)) tickets[state] = await api.list(seller, title, 34.5);
  const orders = {};
  for (const state of ['held', 'unconfirmed', 'sold', 'cancelled']) orders[state] = await api.reserve(buyer, tickets[state].id);
  await api.pay(buyer, orders.sold.id);
  const { actionUrl } = await api.pay(buyer, orders.unconfirmed.id, 'tok_threeDSecureRequired');
  const { pathname, search } = new URL(actionUrl, buyer.baseURL);
  await api.cancel(buyer, orders.cancelled.id);
  await api.withdraw(seller, tickets.withdrawn.id);
  await pages.isNotBuyable(seller, `/tickets/${tickets.sold.id}`, /sold/i);
  await pages.isReceipt(await at(buyer, `/orders/${orders.sold.id}`), tickets.sold.title, /34\.50/);
  return { tickets, orders, bank: pathname + search };
}

async function at(visitor, path) {
  await visitor.visit(path);
  return visitor;
}
