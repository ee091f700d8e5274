// A marketplace of one's own: the binary in a private folder, audited and stopped by its process id.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from './eventually.mjs';

const START_MS = 30_000;
const STOP_MS = 20_000;
const REST_MS = 20_000;
const LOG_LINES_KEPT = 40;

/** Starts `ticketing up --demo`, or takes the one at BASE_URL when no settings are asked for. */
export async function startMarketplace(settings = []) {
  const running = process.env.BASE_URL;
  if (running && settings.length === 0) {
    return { url: running.replace(/\/$/, ''), log: [], stop: async () => {} };
  }
  const binary = process.env.TICKETING_BIN;
  if (!binary) {
    throw new Error('TICKETING_BIN names no binary; `cargo xtask test --only browser` builds it and sets it');
  }
  const folder = await mkdtemp(join(tmpdir(), 'ticketing-'));
  const data = join(folder, 'data');
  const up = ['up', '--demo', '--listen', '127.0.0.1:0', '--data-dir', data, ...settings];
  const child = spawn(binary, up, { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
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
          await audit(binary, data);
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

/** `ticketing check --at-rest` beside the running process: what must always hold, holds. */
async function audit(binary, data) {
  const check = () =>
    new Promise((resolve) => {
      const options = { env: environment(), timeout: REST_MS };
      execFile(binary, ['check', '--data-dir', data, '--at-rest'], options, (error, out, err) =>
        resolve(error ? `${error.code ?? error.signal}: ${out}${err}` : ''),
      );
    });
  await eventually(`\`ticketing check --at-rest --data-dir ${data}\` finds nothing`, REST_MS, async () => {
    const found = await check();
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
