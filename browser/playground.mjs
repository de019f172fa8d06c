// The page that trains, used as somebody would: the sample photos are read, the head is trained, the body thawed, a training paused,
// the tab closed and the training resumed; the lesson is clicked through; bad files are named; all of it with the keyboard alone,
// too. The network that the page saves is left in FOLDER for the command.
//
//   node playground.mjs DIST FOLDER
import assert from 'node:assert/strict';
import { createReadStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { check, views } from './check.mjs';

const [dist, folder] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm', '.webmanifest': 'application/manifest+json' };

// What `python3 -m http.server` does: files, and nothing else.
const server = createServer((request, response) => {
  const path = join(dist, new URL(request.url, 'http://x').pathname.replace(/\/$/, '/index.html'));
  if (!existsSync(path)) return response.writeHead(404).end();
  response.writeHead(200, { 'Content-Type': types[extname(path)] ?? 'application/octet-stream' });
  return createReadStream(path).pipe(response);
});
await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
const address = `http://127.0.0.1:${server.address().port}/`;

const isReady = () => document.documentElement.dataset.ready === 'true';
const isStep = step => document.querySelector('#run').dataset.step === step;
const hasRuns = count => document.querySelectorAll('#run-rows tr').length === count && document.querySelector('#run').dataset.step === 'over';
const LONG = Number(process.env.LONG ?? 600);

/** Counts frames from now on; the function returned tells how many a second there were, at worst over any second. */
async function frames(page) {
  await page.evaluate(() => {
    window.frames_ = [];
    const note = time => { window.frames_.push(time); window.counting = requestAnimationFrame(note); };
    window.counting = requestAnimationFrame(note);
  });
  return () => page.evaluate(() => {
    cancelAnimationFrame(window.counting);
    const times = window.frames_;
    return 1000 * (times.length - 1) / (times[times.length - 1] - times[0]);
  });
}

// The whole way, once.
await check('playground', address, async visit => {
  const { page } = visit;
  await visit.until(isReady, null, 'the library');
  await visit.look('empty');

  // Bad files are named, and do no harm.
  const bytes = readFileSync(new URL('../samples/clothing/dress/01.jpg', import.meta.url));
  await page.fill('#class', 'dress');
  await page.click('#sample');
  await page.waitForFunction(() => document.querySelectorAll('#classes li').length === 3);
  await page.setInputFiles('#files', [
    { name: 'broken.jpg', mimeType: 'image/jpeg', buffer: bytes.subarray(0, 4000) },
    { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') },
  ]);
  await page.$eval('#settings', details => { details.open = true; });
  await page.selectOption('#size', '96');
  await page.click('#read');
  await page.waitForSelector('#network:not([hidden])', { timeout: LONG * 1000 });
  const said = await page.textContent('#left-out');
  visit.expect(/broken\.jpg: .*JPEG/.test(said) && said.includes('notes.txt'), `bad files are not named: ${said}`);

  // The slider is freeze_to: the drawing, the counts and the command follow it.
  const trains = () => page.textContent('#trains');
  const all = await trains();
  await page.focus('#freeze-to');
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction(before => document.querySelector('#trains').textContent !== before, all);
  visit.expect((await page.textContent('#command')).includes('--thaw 1,2'), 'the command does not follow the slider');
  await page.keyboard.press('ArrowLeft');
  await page.waitForFunction(before => document.querySelector('#trains').textContent === before, all);
  await visit.look('ready');

  // The head, with the page as smooth as before.
  const rate = await frames(page);
  await page.click('#head');
  await visit.until(hasRuns, 1, 'the trained head', LONG);
  const perSecond = await rate();
  console.log(`frames a second while training: ${perSecond.toFixed()}`);
  visit.expect(perSecond >= 30, `${perSecond.toFixed()} frames a second while training`);

  // Thawing, paused and resumed.
  await page.fill('#epochs', '2');
  await page.click('#thaw');
  await visit.until(() => document.querySelector('#place').textContent.startsWith('thawed'), null, 'a thawed batch', LONG);
  await page.click('#pause');
  await visit.until(isStep, 'paused', 'the pause', LONG);
  const place = await page.textContent('#place');
  await page.waitForTimeout(1500);
  visit.expect(await page.textContent('#place') === place, 'a training that is paused goes on');
  await visit.look('paused');
  await page.focus('#pause');
  await page.keyboard.press('Enter');
  await visit.until(hasRuns, 2, 'the thawed network', LONG);
  const memory = await page.evaluate(() => Number(document.documentElement.dataset.memory) / 2 ** 20);
  console.log(`memory of the library: ${memory.toFixed()} MiB`);
  visit.expect(memory < 1024, `${memory.toFixed()} MiB of memory`);

  // Its answers, in the page and for the command.
  const answers = {};
  for (const name of ['dress/02', 'shorts/03', 'skirt/07']) {
    await page.setInputFiles('#ask input[type=file]', new URL(`../samples/clothing/${name}.jpg`, import.meta.url).pathname);
    await page.waitForFunction(before => document.querySelector('#ask .answer img')?.src !== before, answers.src);
    await page.waitForSelector('#ask img.heat', { state: 'attached' });
    answers.src = await page.getAttribute('#ask .answer img', 'src');
    answers[name] = await page.$$eval('#ask li', items => Object.fromEntries(items.map(item => [item.children[0].textContent, item.querySelector('meter').value])));
  }
  delete answers.src;
  const [saved] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
  await saved.saveAs(`${folder}/photos.defrost`);
  writeFileSync(`${folder}/answers.json`, JSON.stringify(answers));
  const [photos] = await Promise.all([page.waitForEvent('download'), page.click('#save-zip')]);
  await photos.saveAs(`${folder}/photos.zip`);
  await visit.look('trained');

  // A network that was saved answers as it did, and the last training can be taken back.
  await page.setInputFiles('#load', `${folder}/photos.defrost`);
  await visit.until(() => document.querySelector('#engine').textContent.includes('3 classes'), null, 'the loaded run');
  await page.setInputFiles('#load', { name: 'none.defrost', mimeType: 'application/zip', buffer: Buffer.from('nothing') });
  await visit.until(() => document.querySelector('#engine').textContent.startsWith('none.defrost: '), null, 'the refusal of a file that is no run');
  await page.click('#undo');
  await visit.until(() => document.querySelectorAll('#run-rows tr').length === 1, null, 'the undoing');

  // The tab is closed in the middle of a training; the next visit goes on with it.
  await page.click('#thaw');
  await visit.until(() => document.querySelector('#place').textContent.startsWith('thawed'), null, 'a thawed batch', LONG);
  await page.goto('about:blank');
  await page.goto(address);
  await page.waitForSelector('#again:not([hidden])', { timeout: 60_000 });
  await page.click('#go-on');
  await visit.until(hasRuns, 1, 'the training of the earlier visit', LONG);
  visit.expect((await page.textContent('#run-rows')).includes('Thaw'), 'another training was resumed');
}, [views[1]]);

// With the keyboard alone, on a phone's width.
await check('keyboard', address, async visit => {
  const { page } = visit;
  await visit.until(isReady, null, 'the library');
  const press = async id => {
    for (let presses = 0; presses < 200; presses += 1) {
      await page.keyboard.press('Tab');
      if (await page.evaluate(() => document.activeElement.id) === id) return page.keyboard.press('Enter');
    }
    throw new Error(`the keyboard does not reach ${id}`);
  };
  await press('sample');
  await page.waitForFunction(() => document.querySelectorAll('#classes li').length === 3);
  await page.evaluate(() => { document.querySelector('#size').value = '64'; });
  await press('read');
  await page.waitForSelector('#network:not([hidden])', { timeout: LONG * 1000 });
  await press('head');
  await visit.until(hasRuns, 1, 'the trained head', LONG);
  await visit.look('trained');
}, [views[2]]);

// The lesson.
await check('lesson', address, async visit => {
  const { page } = visit;
  await visit.until(isReady, null, 'the library');
  await page.evaluate(() => { document.querySelector('#size').value = '64'; });
  const steps = await page.$$('#lesson > li');
  assert.equal(steps.length, 7);
  for (const step of steps) {
    await step.$eval('details', details => { details.open = true; });
    for (const button of await step.$$('button')) {
      const label = await button.textContent();
      await button.click();
      await page.waitForFunction(button => !button.disabled, button, { timeout: LONG * 1000 });
      const result = await step.$eval('[role=status]', element => element.textContent);
      const wrong = await step.$eval('[role=alert]', element => element.textContent);
      visit.expect(wrong === '' && /\d/.test(result), `${label}: ${wrong || 'no result'}`);
      console.log(`  ${label}: ${result.split('\n')[0]}`);
    }
  }
  const [first, second] = await page.$$eval('#lesson [role=status]', all => all.map(element => element.textContent));
  visit.expect(/^Accuracy .* % *\. .*only the head has/.test(first), `step 1 does not show that the body stood still: ${first}`);
  visit.expect(second.includes('0 of the body'), `step 2 does not show that the body moved: ${second}`);
  await visit.look('done');
}, [views[0]]);
server.close();
