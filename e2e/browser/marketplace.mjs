// A marketplace of one's own in a private folder, audited and stopped by its process id: the binary, or with
// STORIES=apart a cluster of its services.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from './eventually.mjs';

const APART = process.env.STORIES === 'apart';
const START_MS = APART ? 150_000 : 30_000;
const STOP_MS = 20_000;
const REST_MS = 20_000;
const LOG_LINES_KEPT = 40;

/** Starts a marketplace with its demo catalogue, or takes the one at BASE_URL when no settings are asked for. */
export async function startMarketplace(settings = []) {
  const running = process.env.BASE_URL;
  if (running && settings.length === 0) {
    return { url: running.replace(/\/$/, ''), log: [], stop: async () => {} };
  }
  const folder = await mkdtemp(join(tmpdir(), 'ticketing-'));
  await chmod(folder, 0o711); // PostgreSQL runs as a user of its own
  const data = join(folder, 'data');
  const composition = compose(data, settings);
  const options = { env: composition.env, stdio: ['ignore', 'pipe', 'pipe'] };
  const child = spawn(composition.program, composition.up, options);
  const killIt = () => child.kill('SIGKILL');
  process.once('exit', killIt);
  const log = keepLog(child);
  try {
    const url = await firstLine(child, log);
    return {
      url,
      log,
      stop: async () => {
        try {
          await audit(composition);
        } finally {
          await stop(child, log);
          process.removeListener('exit', killIt);
        }
        await rm(folder, { recursive: true }); // what failed is kept, to be looked at
      },
    };
  } catch (error) {
    killIt();
    throw error;
  }
}

/** What starts a marketplace with these data and settings, and what audits it. */
function compose(data, settings) {
  const binary = named('TICKETING_BIN');
  const up = ['up', '--demo', '--listen', '127.0.0.1:0', '--data-dir', data];
  const check = ['check', '--data-dir', data, '--at-rest'];
  if (!APART) {
    return { program: binary, env: environment(), up: [...up, ...settings], check };
  }
  return {
    program: named('XTASK_BIN'),
    env: { ...environment(), TICKETING_BIN: binary },
    up: ['cluster', ...up, '--', ...settings],
    check: ['cluster', ...check],
  };
}

function named(variable) {
  const program = process.env[variable];
  if (!program) {
    throw new Error(`${variable} names no binary; \`cargo xtask test --only browser\` builds it and sets it`);
  }
  return program;
}

/** Ours without the settings of a marketplace, which the child takes from its arguments alone. */
function environment() {
  const ours = Object.entries(process.env).filter(([name]) => !name.startsWith('TICKETING_'));
  return Object.fromEntries(ours);
}

function keepLog(child) {
  const log = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    log.push(line);
    if (log.length > LOG_LINES_KEPT) log.shift();
  });
  return log;
}

async function firstLine(child, log) {
  const lines = createInterface({ input: child.stdout });
  const late = AbortSignal.timeout(START_MS);
  const line = once(lines, 'line', { signal: late }).then(([text]) => text);
  const ended = once(child, 'close').then(([code]) => `ended with ${code}`);
  const first = await Promise.race([line, ended]).catch((error) =>
    late.aborted ? `said nothing for ${START_MS} ms` : `did not start: ${error.message}`,
  );
  const url = /^listening on (http:\/\/\S+)$/.exec(first)?.[1];
  if (!url) {
    throw new Error(`the marketplace should say "listening on http://ADDRESS" first; it: ${first}\n${log.join('\n')}`);
  }
  lines.resume();
  return url;
}

/** `ticketing check --at-rest` beside what runs: what must always hold, holds. */
async function audit({ program, env, check }) {
  const once = () =>
    new Promise((resolve) => {
      const options = { env, timeout: REST_MS };
      execFile(program, check, options, (error, out, err) =>
        resolve(error ? `${error.code ?? error.signal}: ${out}${err}` : ''),
      );
    });
  await eventually(`\`ticketing ${check.join(' ')}\` finds nothing`, REST_MS, async () => {
    const found = await once();
    if (found) throw new Error(found);
  });
}

async function stop(child, log) {
  if (child.exitCode !== null) {
    throw new Error(`the marketplace had ended with ${child.exitCode}:\n${log.join('\n')}`);
  }
  const exit = once(child, 'exit', { signal: AbortSignal.timeout(STOP_MS) });
  process.kill(child.pid, 'SIGTERM');
  const [code, signal] = await exit.catch(() => {
    child.kill('SIGKILL');
    return ['not at all', `${STOP_MS} ms after SIGTERM`];
  });
  if (code !== 0) {
    throw new Error(`the marketplace should exit with 0 on SIGTERM; it ended: ${code} ${signal}\n${log.join('\n')}`);
  }
}
