// The marketplace's API as a visitor's own browser would call it: to set a scene, and to count what there is.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { eventually } from './eventually.mjs';

/** A password that the limits allow. */
export const PASSWORD = 'correct horse battery';

/** An address that nobody has. */
export function newAddress(name) {
  return `${name.toLowerCase()}-${randomUUID().slice(0, 8)}@example.org`;
}

/** Signs the visitor up, and in. */
export async function signUp(visitor) {
  visitor.email = newAddress(visitor.name);
  return post(visitor, '/api/users/signup', { email: visitor.email, password: PASSWORD }, 201);
}

/** Lists a ticket; its title is unlike any other. */
export async function list(visitor, title, price) {
  const unique = `${title} ${randomUUID().slice(0, 8)}`;
  return post(visitor, '/api/tickets', { title: unique, price }, 201);
}

export async function reserve(visitor, ticketId) {
  return post(visitor, '/api/orders', { ticketId }, 201);
}

export async function pay(visitor, orderId, token = 'tok_visa') {
  return post(visitor, '/api/payments', { orderId, token }, 201);
}

export async function cancel(visitor, orderId) {
  return remove(visitor, `/api/orders/${orderId}`);
}

export async function withdraw(visitor, ticketId) {
  return remove(visitor, `/api/tickets/${ticketId}`);
}

export async function orders(visitor) {
  return get(visitor, '/api/orders');
}

export async function order(visitor, id) {
  return get(visitor, `/api/orders/${id}`);
}

export async function payments(visitor, orderId) {
  return get(visitor, `/api/payments?orderId=${orderId}`);
}

/** Waits until the ticket is in somebody's hands. */
export async function isHeld(visitor, ticketId) {
  await eventually(`ticket ${ticketId} is held`, 2_000, async () => {
    assert.equal((await get(visitor, `/api/tickets/${ticketId}`)).status, 'held');
  });
}

/** The signed-in user as the API sees them, or null. */
export async function currentUser(visitor) {
  const { currentUser } = await get(visitor, '/api/users/currentuser');
  return currentUser;
}

async function get(visitor, path) {
  const response = await visitor.context.request.get(path);
  assert.equal(response.status(), 200, `GET ${path}: ${await response.text()}`);
  return response.json();
}

async function post(visitor, path, data, status) {
  const response = await visitor.context.request.post(path, { data });
  assert.equal(response.status(), status, `POST ${path}: ${await response.text()}`);
  return response.json();
}

async function remove(visitor, path) {
  const response = await visitor.context.request.delete(path);
  assert.equal(response.status(), 204, `DELETE ${path}: ${await response.text()}`);
}
