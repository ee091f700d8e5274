// What becomes true a little later: asked again until it holds, or its last complaint is passed on.

import { setTimeout as pause } from 'node:timers/promises';

const PAUSE_MS = 50;

/** Some thirty processes share the machine where the services run apart. */
const PATIENCE = process.env.STORIES === 'apart' ? 4 : 1;

/** Repeats the attempt until it does not throw; after `shortest` (apart a multiple) its last error is thrown. */
export async function eventually(what, shortest, attempt) {
  const limitMs = shortest * PATIENCE;
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
