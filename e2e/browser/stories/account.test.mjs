// Signing in and out, where one lands, a forgotten password, and where else one is signed in.

import assert from 'node:assert/strict';
import * as api from '../api.mjs';
import { eventually } from '../eventually.mjs';
import * as pages from '../pages.mjs';
import { marketplace, story } from '../story.mjs';

const world = marketplace();
const MAIL_MS = 5_000;
const HEARD_MS = 1_000;

story(world, 'one signs up, out and in', async ({ arrive }) => {
  const guest = await arrive('Guest');
  const address = api.newAddress('guest');
  await pages.signUpOnPage(guest, address, api.PASSWORD);
  assert.equal((await api.currentUser(guest)).email, address);
  await guest.act(guest.page.getByRole('button', { name: pages.SIGN_OUT }));
  assert.equal(await api.currentUser(guest), null);
  assert.equal(await guest.page.getByRole('button', { name: pages.SIGN_OUT }).count(), 0);
  assert.equal(await pages.signInOnPage(guest, address, api.PASSWORD), 303);
  assert.equal((await api.currentUser(guest)).email, address);
});

story(world, 'one can sign out on every page', async ({ arrive }) => {
  const guest = await arrive('Guest');
  await api.signUp(guest);
  const ticket = await api.list(guest, 'Everywhere', 10);
  const own = ['', '/new', '/mine', `/${ticket.id}`, `/${ticket.id}/edit`].slice(1).map((path) => `/tickets${path}`);
  for (const path of ['/', ...own, '/orders', '/account']) {
    await guest.visit(path);
    const button = guest.page.getByRole('button', { name: pages.SIGN_OUT });
    assert.notEqual(await button.count(), 0, `${path} has a Sign out button`);
    const method = await button.first().evaluate((element) => element.form?.method);
    assert.equal(method, 'post', `${path} signs out with a POST form`);
  }
});

story(world, 'after signing in one lands where one wanted to go', async ({ arrive }) => {
  const guest = await arrive('Guest');
  await api.signUp(guest);
  for (const path of ['/orders', '/tickets/new', '/tickets/mine', '/account', '/?q=a%26b']) {
    await guest.context.clearCookies();
    if (path.startsWith('/?')) {
      await pages.signInOnPage(guest, guest.email, api.PASSWORD, path);
    } else {
      await guest.visit(path);
      assert.match(guest.path, /^\/auth\/signin\?next=/, `${path} asks to sign in first`);
      await guest.act(await pages.fill(guest, { email: guest.email, password: api.PASSWORD }));
    }
    assert.equal(guest.path, path);
  }
});

story(world, 'signing in never leads to another site', async ({ arrive }) => {
  const guest = await arrive('Guest');
  await api.signUp(guest);
  const home = new URL(world.marketplace.url).host;
  const traps = [
    'https://elsewhere.example/',
    '//elsewhere.example/',
    '/\\elsewhere.example/',
    '\\\\elsewhere.example',
    '/\t/elsewhere.example/',
    'javascript:alert(1)',
    `https://${home}@elsewhere.example/`,
    '/..//elsewhere.example',
  ];
  for (const trap of traps) {
    await guest.context.clearCookies();
    assert.equal(await pages.signInOnPage(guest, guest.email, api.PASSWORD, trap), 303, `next=${trap}`);
    assert.equal(new URL(guest.page.url()).host, home, `next=${trap} stays here`);
  }
});

story(world, 'a forgotten password is replaced by a link that works once', async ({ arrive }) => {
  const [guest, elsewhere] = [await arrive('Guest'), await arrive('Elsewhere')];
  await api.signUp(guest);
  assert.equal(await pages.signInOnPage(elsewhere, guest.email, api.PASSWORD), 303);
  await guest.context.clearCookies();

  await guest.visit('/auth/reset');
  await guest.act(await pages.fill(guest, { email: guest.email }));
  await guest.sees(/mail/i);
  const link = await resetLink(guest);
  const renewed = 'a whole new password';
  await guest.visit(link);
  await guest.act(await pages.fill(guest, { password: renewed }));
  await eventually('other sessions end', HEARD_MS, async () => {
    assert.equal(await api.currentUser(elsewhere), null);
  });

  await guest.context.clearCookies();
  assert.equal(await pages.signInOnPage(guest, guest.email, api.PASSWORD), 422, 'the old password');
  assert.equal(await pages.signInOnPage(guest, guest.email, renewed), 303, 'the new password');

  await guest.context.clearCookies();
  const again = await guest.page.goto(link);
  if (again.status() === 200) {
    assert.equal(await guest.send(await pages.fill(guest, { password: 'yet another one' })), 422, 'the used link');
  }
  assert.equal(await pages.signInOnPage(guest, guest.email, renewed), 303, 'the new password still');
});

story(world, 'an address that nobody has is told the same', async ({ arrive }) => {
  const guest = await arrive('Guest');
  await api.signUp(guest);
  await guest.context.clearCookies();
  const answers = [];
  for (const address of [guest.email, api.newAddress('nobody')]) {
    await guest.visit('/auth/reset');
    await guest.act(await pages.fill(guest, { email: address }));
    answers.push((await guest.main.innerText()).replaceAll(address, ''));
  }
  assert.equal(answers[0], answers[1]);
});

story(world, 'the account shows where one is signed in, and signs out there', async ({ arrive }) => {
  const [here, there] = [await arrive('Here'), await arrive('There')];
  await api.signUp(here);
  assert.equal(await pages.signInOnPage(there, here.email, api.PASSWORD), 303);
  await here.visit('/account');
  await here.sees(/this (device|browser|session)|here/i);
  const end = here.page.getByRole('button', { name: /sign out|end|revoke/i });
  const other = here.main.locator('li, tr').filter({ has: end }).filter({ hasNotText: /this (device|browser|session)/i });
  assert.equal(await other.count(), 1, 'one other session');
  await here.act(other.getByRole('button'));
  await eventually('the other session has ended', HEARD_MS, async () => {
    assert.equal(await api.currentUser(there), null);
  });
  assert.equal((await api.currentUser(here)).email, here.email);
  await there.visit('/account');
  assert.match(there.path, /^\/auth\/signin/);
});

story(world, 'a changed password ends the other sessions', async ({ arrive }) => {
  const [here, there] = [await arrive('Here'), await arrive('There')];
  await api.signUp(here);
  assert.equal(await pages.signInOnPage(there, here.email, api.PASSWORD), 303);
  await here.visit('/account');
  const wrong = await pages.fill(here, { current: 'not the password', new: 'a new password here' });
  assert.equal(await here.send(wrong), 422, 'a wrong current password');
  await here.act(await pages.fill(here, { current: api.PASSWORD, new: 'a new password here' }));
  await eventually('the other session has ended', HEARD_MS, async () => {
    assert.equal(await api.currentUser(there), null);
  });
  assert.equal((await api.currentUser(here)).email, here.email, 'this session goes on');
});

/** The link in the newest mail to the visitor, read where mails are shown. */
async function resetLink(visitor) {
  return eventually(`a mail to ${visitor.email} with a link`, MAIL_MS, async () => {
    await visitor.visit('/dev/mail');
    const mail = visitor.main.getByRole('link').filter({ hasText: visitor.email }).first();
    if (await mail.count()) await visitor.page.goto(await mail.getAttribute('href'));
    const text = (await visitor.page.content()).replaceAll('&amp;', '&').replaceAll('&#38;', '&');
    const [link] = text.match(/https?:\/\/[^\s"'<>]*\/auth\/reset[^\s"'<>]+/) ?? [];
    if (!text.includes(visitor.email) || !link) throw new Error(`${visitor.path} shows none:\n${text.slice(0, 2_000)}`);
    return link;
  });
}
