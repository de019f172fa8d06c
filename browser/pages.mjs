// Opens the reports of runs in a browser, in both colour schemes, wide and as on a phone: nothing may be asked of the
// network, nothing may fail, nothing may stick out, and axe may find nothing serious. Pictures of the pages are kept.
//
//   node pages.mjs NAME=FILE... [--out FOLDER]
import { readFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const words = process.argv.slice(2);
const place = words.indexOf('--out');
const folder = place < 0 ? '../target/browser' : words.splice(place, 2)[1];
const widths = [400, 1200];
mkdirSync(folder, { recursive: true });

/** What is wrong with a page as it stands in front of somebody. */
async function wrongWith(page) {
  const wrong = await page.evaluate(() => {
    const found = [];
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) {
      const wide = [...document.querySelectorAll('body *')].filter(
        element => element.getBoundingClientRect().right > width + 1 && !element.closest('.scroll'));
      found.push(`sticks out: ${wide.slice(0, 3).map(element => element.outerHTML.slice(0, 80)).join(' | ')}`);
    }
    for (const image of document.images) {
      if (!image.complete || image.naturalWidth === 0) found.push(`a picture is not one: ${image.alt}`);
    }
    return found;
  });
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run());
  const serious = violations.filter(({ impact }) => ['serious', 'critical', 'moderate'].includes(impact));
  return wrong.concat(serious.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0].html.slice(0, 120)}`));
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
let failures = 0;
for (const word of words) {
  const [name, file] = word.split('=');
  const address = pathToFileURL(resolve(file)).href;
  for (const colorScheme of ['light', 'dark']) {
    for (const width of widths) {
      const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 }, deviceScaleFactor: width < 500 ? 2 : 1 });
      const page = await context.newPage();
      const wrong = [];
      page.on('console', message => ['error', 'warning'].includes(message.type()) && wrong.push(`console: ${message.text()}`));
      page.on('pageerror', error => wrong.push(`error: ${error.message}`));
      page.on('request', request => {
        if (request.url() !== address && !request.url().startsWith('data:')) wrong.push(`asks for ${request.url()}`);
      });
      await page.goto(address);
      await page.screenshot({ path: `${folder}/${name}-${colorScheme}-${width}.png`, fullPage: true });
      await page.evaluate(() => document.querySelectorAll('details').forEach(details => { details.open = true; }));
      wrong.push(...await wrongWith(page));
      if (colorScheme === 'light' && width > 500) {
        await page.pdf({ path: `${folder}/${name}.pdf`, format: 'A4' });
      }
      await context.close();
      failures += wrong.length;
      console.log(`${name}, ${colorScheme}, ${width} px: ${wrong.length ? wrong.join('\n  ') : 'good'}`);
    }
  }
}
await browser.close();
process.exit(failures ? 1 : 0);
