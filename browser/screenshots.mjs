// Takes the images of pages that docs show, in the light scheme: the first screen of each page.
//
//   node screenshots.mjs DEFROST RUNS serve|'' live|'' NAME=FILE...
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const folder = `${root}/docs/screenshots`;
// A larger file makes a page slow to open.
const LARGEST = 200_000;
const [defrost, runs, serves, watches, ...pages] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });

/** Opens an address, lets `use` work with it, and keeps its first screen. */
async function shoot(address, path, [width, height], use = async () => {}) {
  const context = await browser.newContext({ colorScheme: 'light', viewport: { width, height } });
  const page = await context.newPage();
  await page.goto(address);
  await use(page);
  await page.screenshot({ path });
  await context.close();
  const bytes = statSync(path).size;
  console.log(`${path.slice(root.length + 1)}: ${Math.ceil(bytes / 1000)} kB`);
  if (bytes > LARGEST) {
    console.error(`${path}: more than ${LARGEST / 1000} kB`);
    process.exitCode = 1;
  }
}

/** The same at the width of a screen and of a phone. */
async function both(address, name, use) {
  for (const size of [[1200, 900], [400, 800]]) await shoot(address, `${folder}/${name}-${size[0]}.png`, size, use);
}

/** Starts a command and waits for the address that it prints; `end` stops it. */
async function started(words, pattern) {
  const child = spawn(defrost, words, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const address = await new Promise((found, failed) => {
    const look = words => {
      said += words;
      const match = said.match(pattern);
      if (match) found(match[1]);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.on('exit', code => failed(new Error(`${words.join(' ')}: ended with ${code}: ${said}`)));
  });
  return { address, end: () => new Promise(over => { child.removeAllListeners('exit').on('exit', over).kill('SIGINT'); }) };
}

for (const word of pages) {
  const [name, file] = word.split('=');
  const address = pathToFileURL(resolve(file)).href;
  if (name === 'report') await shoot(address, `${root}/docs/report.png`, [1040, 1020]);
  else await both(address, name);
}

if (serves) {
  const { address, end } = await started(['serve', `${runs}/images`, '--port', '0'], /(http:\/\/[^\s";]+)/);
  const bag = `${root}/samples/fashion/valid/bag`;
  await both(address, 'serve', async page => {
    await page.locator('input[type=file]').first().setInputFiles(`${bag}/${readdirSync(bag).sort()[0]}`);
    await page.getByText(/^bag, /).first().waitFor();
  });
  await end();
}

if (watches) {
  const words = ['train', 'samples/fashion', '--size', '64', '--epochs', '60', '--live=0', '--out', `${runs}/live`];
  const { address, end } = await started(words, /^live: (\S+)/m);
  // Once losses of batches are drawn, the page has something to show.
  await both(`${address}/`, 'live', async page => {
    await page.locator('#batches:not([hidden]) svg').waitFor({ timeout: 300_000 });
    await page.waitForTimeout(3_000);
  });
  await end();
}
await browser.close();
