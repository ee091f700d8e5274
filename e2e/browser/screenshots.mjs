// Pictures of every page, narrow and wide, light and dark: `npm run screenshots -- FOLDER`.

import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { startMarketplace } from './marketplace.mjs';
import { look, tour } from './tour.mjs';
import { Visitor, launch } from './visitor.mjs';

const WIDTHS = [320, 1280];
const SCHEMES = ['light', 'dark'];

const [folder] = process.argv.slice(2);
if (!folder) {
  console.error('usage: npm run screenshots -- FOLDER');
  process.exit(2);
}
await mkdir(resolve(folder), { recursive: true });
const marketplace = await startMarketplace();
const browser = await launch();
try {
  const arrive = (name) => Visitor.arrive(browser, marketplace.url, name, { reducedMotion: 'reduce' });
  await tour(arrive, async (stop) => {
    for (const width of WIDTHS) {
      for (const colorScheme of SCHEMES) await take(stop, width, colorScheme);
    }
    console.log(`${stop.name} ${stop.path}`);
  });
} finally {
  await browser.close();
  await marketplace.stop();
}

async function take(stop, width, colorScheme) {
  const { page } = stop.visitor;
  await page.setViewportSize({ width, height: 800 });
  await page.emulateMedia({ colorScheme });
  await look(stop);
  const path = join(resolve(folder), `${stop.name}-${width}-${colorScheme}.png`);
  await page.screenshot({ path, fullPage: true });
}
