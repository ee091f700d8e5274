// A story: what people do, told once and run with JavaScript on and off.

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { request } from 'playwright-core';
import { signUp } from './api.mjs';
import { startMarketplace } from './marketplace.mjs';
import { Visitor, launch } from './visitor.mjs';

const STORY_MS = 90_000;
const PICTURES = process.env.PICTURES ?? join(tmpdir(), 'browser-failures');

/** One marketplace and one browser for all stories of a file. */
export function marketplace(...settings) {
  const world = {};
  before(async () => {
    world.marketplace = await startMarketplace(settings);
    world.browser = await launch();
  });
  after(async () => {
    await world.browser?.close();
    await world.marketplace?.stop(); // audits, too: whatever the stories did must leave everything in order
  });
  return world;
}

/**
 * Runs the body for each setting of JavaScript. It is handed `arrive(name, options)`, which brings somebody in with
 * a browser, `member(name)`, which signs somebody up who uses the API alone, and `scripting`. Whoever came in must
 * have noticed nothing odd at the end.
 */
export function story(world, title, body, { scripting = [true, false] } = {}) {
  for (const on of scripting) {
    const name = `${title} (JavaScript ${on ? 'on' : 'off'})`;
    test(name, { timeout: STORY_MS }, () => tell(world, name, on, body));
  }
}

async function tell(world, title, scripting, body) {
  const visitors = [];
  const arrive = async (name, options = {}) => {
    const settings = { javaScriptEnabled: scripting, ...options };
    const visitor = await Visitor.arrive(world.browser, world.marketplace.url, name, settings);
    visitors.push(visitor);
    return visitor;
  };
  const clients = [];
  const member = async (name) => {
    const client = await request.newContext({ baseURL: world.marketplace.url });
    clients.push(client);
    const visitor = { name, context: { request: client } };
    await signUp(visitor);
    return visitor;
  };
  try {
    await body({ arrive, member, scripting });
    visitors.forEach((visitor) => visitor.finds());
  } catch (error) {
    const reports = await Promise.all(visitors.map((visitor) => visitor.report(picture(title, visitor.name))));
    const log = ['--- the marketplace’s last lines', ...world.marketplace.log].join('\n');
    error.stack = [error.stack, ...reports, log].join('\n');
    throw error;
  } finally {
    await Promise.all(visitors.map((visitor) => visitor.context.close()));
    await Promise.all(clients.map((client) => client.dispose()));
  }
}

function picture(title, name) {
  const file = `${title} ${name}`.replace(/[^a-zA-Z0-9]+/g, '-').toLowerCase();
  return join(PICTURES, `${file}.png`);
}
