// What becomes true a little later: asked again until it holds, or its last complaint is passed on.

import { setTimeout as pause } from 'node:timers/promises';

const PAUSE_MS = 50;

/** Repeats the attempt until it does not throw; after `limitMs` its last error is thrown. */
export async function eventually(what, limitMs, attempt) {
  const end = performance.now() + limitMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) {
        throw new Error(`not within ${limitMs} ms: ${what}: ${error.message}`, { cause: error });
      }
      await pause(PAUSE_MS);
    }
  }
}
