// Every page in every state worth looking at, with somebody to whom it is shown.

import * as api from './api.mjs';
import * as pages from './pages.mjs';

/**
 * Sets the scene with a seller, a buyer and a guest, then lists the stops: `{ name, path, status, visitor }`.
 * `arrive(name)` brings somebody in.
 */
export async function tour(arrive) {
  const [guest, seller, buyer, newcomer] = await Promise.all(['Guest', 'Seller', 'Buyer', 'Newcomer'].map((name) => arrive(name)));
  await Promise.all([seller, buyer, newcomer].map(api.signUp));
  const { tickets, orders } = await trade(seller, buyer);
  const unknown = '/tickets/0190a000-0000-7000-8000-000000000000';
  const stop = (visitor, name, path, status = 200) => ({ visitor, name, path, status });
  return [
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
}

/** Goes to a stop. */
export function look({ visitor, path, status }) {
  return visitor.visit(path, status);
}

async function trade(seller, buyer) {
  const titles = { free: 'Chamber music', held: 'Open air', sold: 'Opening night', cancelled: 'Reading', withdrawn: 'Late show' };
  const tickets = {};
  for (const [state, title] of Object.entries(titles)) tickets[state] = await api.list(seller, title, 34.5);
  const orders = {};
  for (const state of ['held', 'sold', 'cancelled']) orders[state] = await api.reserve(buyer, tickets[state].id);
  await api.pay(buyer, orders.sold.id);
  await api.cancel(buyer, orders.cancelled.id);
  await api.withdraw(seller, tickets.withdrawn.id);
  await pages.isNotBuyable(seller, `/tickets/${tickets.sold.id}`, /sold/i);
  await pages.isReceipt(await at(buyer, `/orders/${orders.sold.id}`), tickets.sold.title, /34\.50/);
  return { tickets, orders };
}

async function at(visitor, path) {
  await visitor.visit(path);
  return visitor;
}
