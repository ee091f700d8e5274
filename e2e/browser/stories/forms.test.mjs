// Forms that are refused, and addresses that lead nowhere: each says what to do.

import assert from 'node:assert/strict';
import * as api from '../api.mjs';
import * as pages from '../pages.mjs';
import { marketplace, story } from '../story.mjs';

const world = marketplace();

story(world, 'a refused listing comes back with what was typed and every bad field marked', async ({ arrive }) => {
  const seller = await arrive('Seller');
  await api.signUp(seller);
  await seller.visit('/tickets/new');
  await pages.withoutChecks(seller, 'price');
  assert.equal(await seller.send(await pages.fill(seller, { title: '   ', price: '-1' })), 422);
  await pages.isMarked(seller, 'title', '   ');
  await pages.isMarked(seller, 'price', '-1');

  await pages.withoutChecks(seller, 'price');
  assert.equal(await seller.send(await pages.fill(seller, { title: 'Fine <b>&amp;</b>', price: '0.001' })), 422);
  await pages.isMarked(seller, 'price', '0.001');
  const title = seller.main.locator('[name="title"]');
  assert.equal(await title.inputValue(), 'Fine <b>&amp;</b>');
  assert.notEqual(await title.getAttribute('aria-invalid'), 'true', 'a good field is not marked');

  await seller.act(await pages.fill(seller, { price: '0.01' }));
  await seller.sees('Fine <b>&amp;</b>');
});

story(world, 'a refused sign-up keeps the address and never the password', async ({ arrive }) => {
  const guest = await arrive('Guest');
  await guest.visit('/auth/signup');
  await pages.withoutChecks(guest, 'email');
  assert.equal(await guest.send(await pages.fill(guest, { email: 'not an address', password: 'short' })), 422);
  await pages.isMarked(guest, 'email', 'not an address');
  await pages.isMarked(guest, 'password', '');
  assert.equal(await api.currentUser(guest), null);
});

story(world, 'an address that is in use is refused', async ({ arrive }) => {
  const [first, second] = [await arrive('First'), await arrive('Second')];
  await api.signUp(first);
  await second.visit('/auth/signup');
  const sender = await pages.fill(second, { email: first.email.toUpperCase(), password: api.PASSWORD });
  assert.equal(await second.send(sender), 422);
  await pages.isMarked(second, 'email', first.email.toUpperCase());
});

story(world, 'a wrong password and an unknown address get the same answer', async ({ arrive }) => {
  const guest = await arrive('Guest');
  await api.signUp(guest);
  await guest.context.clearCookies();
  const answers = [];
  for (const address of [guest.email, api.newAddress('nobody')]) {
    assert.equal(await pages.signInOnPage(guest, address, 'not the password'), 422);
    assert.equal(await guest.main.locator('[name="email"]').inputValue(), address);
    answers.push((await guest.main.innerText()).replaceAll(address, ''));
  }
  assert.equal(answers[0], answers[1]);
});

story(world, 'an address that leads nowhere says so and shows the way home', async ({ arrive }) => {
  const guest = await arrive('Guest');
  await api.signUp(guest);
  const unknown = '0190a000-0000-7000-8000-000000000000';
  for (const path of ['/nowhere', '/tickets/nonsense', `/tickets/${unknown}`, `/orders/${unknown}`]) {
    await guest.visit(path, 404);
    assert.equal(await guest.page.getByRole('heading', { level: 1 }).count(), 1, `${path} has a heading`);
    assert.notEqual(await guest.main.locator('a[href="/"]').count(), 0, `${path} shows the way home`);
  }
});

story(world, 'an empty search says so', async ({ arrive }) => {
  const guest = await arrive('Guest');
  await guest.visit('/?q=zzzz-nothing-is-called-this');
  await guest.sees(/nothing|no tickets|not found|no match/i);
  assert.equal(await guest.page.locator('input[name="q"]').first().inputValue(), 'zzzz-nothing-is-called-this');
});

story(world, 'a form from another site is refused', async ({ arrive, member }) => {
  const [seller, buyer] = [await member('Seller'), await arrive('Buyer')];
  await api.signUp(buyer);
  const ticket = await api.list(seller, 'Bait', 10);
  await pages.isBuyable(buyer, `/tickets/${ticket.id}`);
  const buy = buyer.main.locator('form').filter({ has: buyer.page.getByRole('button', { name: pages.BUY }) });
  const response = await buyer.context.request.post((await buy.getAttribute('action')) || `/tickets/${ticket.id}`, {
    headers: { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' },
    form: { ticketId: ticket.id },
    maxRedirects: 0,
  });
  assert.equal(response.status(), 403);
  assert.deepEqual(await api.orders(buyer), []);
});
