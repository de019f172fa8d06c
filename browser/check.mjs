// What every page is held to, in both colour schemes, wide and as on a phone: nothing is asked of anybody but the page's own
// server, nothing fails, nothing sticks out, and axe finds nothing serious. Images of the pages are kept.
import { readFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const folder = process.env.IMAGES ?? '../target/browser';

/** Every way a page is looked at. */
export const views = ['light', 'dark'].flatMap(scheme => [400, 1200].map(width => ({ scheme, width })));

/** The ways that a test takes which does not choose: all, or with VIEWS=2 both schemes and both widths once. */
export const usual = process.env.VIEWS === '2' ? [views[0], views[3]] : views;

/** What is asked of somebody else by a page at this address. */
function isOutside(url, address) {
  if (/^(data|blob):/.test(url)) return false;
  const { protocol, origin } = new URL(address);
  return protocol === 'file:' ? url !== address : new URL(url).origin !== origin;
}

/** A page that somebody looks at, and what is wrong with it. */
class Visit {
  constructor(name, { scheme, width }, context, page) {
    Object.assign(this, { name, scheme, width, context, page, wrong: [] });
  }

  /** Notes what is said to be wrong unless it is true. */
  expect(isTrue, words) {
    if (!isTrue) this.wrong.push(words);
  }

  /** Waits until this is true in the page, which is given `value`. */
  async until(isTrue, value, words, seconds = 60) {
    const came = await this.page.waitForFunction(isTrue, value, { timeout: seconds * 1000 }).catch(error => error);
    this.expect(!(came instanceof Error), `${words}: never came`);
  }

  /** Looks at the page as it stands, and keeps an image of it; a moment of a page has a name of its own. */
  async look(moment = '') {
    const file = [this.name, moment, this.scheme, this.width].filter(part => part !== '').join('-');
    await this.page.screenshot({ path: `${folder}/${file}.png`, fullPage: true });
    this.wrong.push(...await wrongWith(this.page));
  }

  /** Keeps the page as it would be printed on such paper. */
  async print(format = 'A4') {
    await this.page.pdf({ path: `${folder}/${this.name}-${format}.pdf`, format });
  }
}

/** What is wrong with a page as it stands in front of somebody, with all that unfolds unfolded. */
async function wrongWith(page) {
  const wrong = await page.evaluate(() => {
    document.querySelectorAll('details').forEach(details => { details.open = true; });
    const found = [];
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) {
      const wide = [...document.querySelectorAll('body *')].filter(
        element => element.getBoundingClientRect().right > width + 1 && !element.closest('.scroll'));
      found.push(`sticks out: ${wide.slice(0, 3).map(element => element.outerHTML.slice(0, 80)).join(' | ')}`);
    }
    for (const image of document.images) {
      const isSeen = image.checkVisibility();
      if (isSeen && (!image.complete || image.naturalWidth === 0)) found.push(`an image is not one: ${image.alt}`);
    }
    return found;
  });
  // Not as a script of the page, which may forbid those of others.
  const { violations } = await page.evaluate(`${axe}; axe.run()`);
  const serious = violations.filter(({ impact }) => ['serious', 'critical', 'moderate'].includes(impact));
  return wrong.concat(serious.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0].html.slice(0, 120)}`));
}

/** Opens an address in each of these views, lets `use` look at it and click, and says what was wrong. */
export async function check(name, address, use, which = usual) {
  mkdirSync(folder, { recursive: true });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  });
  for (const view of which) {
    const { scheme, width } = view;
    const context = await browser.newContext({
      colorScheme: scheme, viewport: { width, height: 900 }, deviceScaleFactor: width < 500 ? 2 : 1,
    });
    const page = await context.newPage();
    const visit = new Visit(name, view, context, page);
    const { wrong } = visit;
    page.on('console', message => ['error', 'warning'].includes(message.type()) && wrong.push(`console: ${message.text()}`));
    page.on('pageerror', error => wrong.push(`error: ${error.message}`));
    page.on('request', request => isOutside(request.url(), address) && wrong.push(`asks for ${request.url()}`));
    await page.goto(address);
    await use(visit).catch(error => wrong.push(error.message));
    await context.close();
    console.log(`${name}, ${scheme}, ${width} px: ${wrong.length ? wrong.join('\n  ') : 'good'}`);
    if (wrong.length) process.exitCode = 1;
  }
  await browser.close();
}
