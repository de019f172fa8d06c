// The page that trains, used as somebody would: the sample photos are read, the head is trained, the body thawed, a training paused,
// the tab closed and the training resumed; the lesson is clicked through; bad files are named; all of it with the keyboard alone,
// too. With the command (DEFROST says where) the page and the command answer by each other's networks, with the same probabilities.
// What the page saves is left in FOLDER.
//
//   node playground.mjs DIST FOLDER [PART…]
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { check, views } from './check.mjs';
import { serve } from './static.mjs';

const [dist, folder, ...wanted] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const { address, close } = await serve(dist);

/** Does a part of the test, unless others are wanted. */
const part = (name, use, view) => (wanted.length === 0 || wanted.includes(name)) && check(name, address, use, [view]);

const isReady = () => document.documentElement.dataset.ready === 'true';
const isStep = step => document.querySelector('#run').dataset.step === step;
const hasRuns = count => document.querySelectorAll('#run-rows tr').length === count && document.querySelector('#run').dataset.step === 'over';
const LONG = Number(process.env.LONG ?? 600);

const photo = name => new URL(`../samples/clothing/${name}.jpg`, import.meta.url).pathname;
const ASKED = ['dress/02', 'shorts/03', 'skirt/07'];

/** The command's probabilities for a picture, by class. */
function commandSays(run, name) {
  const [{ top }] = JSON.parse(execFileSync(process.env.DEFROST, ['predict', run, photo(name), '--json']));
  return Object.fromEntries(top.map(({ class: of, probability }) => [of, probability]));
}

/** The page's, for the network that answers now. */
async function pageSays(page, name) {
  const before = await page.evaluate(() => document.querySelector('#ask .answer img')?.src);
  await page.setInputFiles('#ask input[type=file]', photo(name));
  await page.waitForFunction(before => { const now = document.querySelector('#ask .answer img')?.src; return now && now !== before; }, before);
  await page.waitForSelector('#ask img.heat', { state: 'attached' });
  return page.$$eval('#ask li', items => Object.fromEntries(items.map(item => [item.children[0].textContent, item.querySelector('meter').value])));
}

/** Whether the page and the command give the same probabilities, to 1e-4. */
async function agree(visit, run) {
  for (const name of ASKED) {
    const [here, there] = [await pageSays(visit.page, name), commandSays(run, name)];
    const apart = Math.max(...Object.keys(there).map(of => Math.abs(here[of] - there[of])));
    visit.expect(apart < 1e-4, `${name}: the page and the command are ${apart} apart`);
  }
}

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
await part('playground', async visit => {
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
  await page.selectOption('#size', '64');
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

  // Its answers, in the page and by the command; and those of a network that the command has trained.
  const [saved] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
  await saved.saveAs(`${folder}/photos.defrost`);
  const probabilities = await pageSays(page, ASKED[0]);
  visit.expect(Math.abs(Object.values(probabilities).reduce((sum, one) => sum + one) - 1) < 1e-5, 'probabilities do not add up to 1');
  if (process.env.DEFROST) await agree(visit, `${folder}/photos.defrost`);
  const [photos] = await Promise.all([page.waitForEvent('download'), page.click('#save-zip')]);
  await photos.saveAs(`${folder}/photos.zip`);
  await visit.look('trained');

  // A network that was saved answers as it did, and the last training can be taken back.
  if (process.env.DEFROST) {
    const run = `${folder}/command`;
    execFileSync(process.env.DEFROST, ['train', new URL('../samples/clothing', import.meta.url).pathname, '--size', '64', '--epochs', '0', '--precision', 'f32', '--out', run], { stdio: 'ignore' });
    execFileSync(process.env.DEFROST, ['pack', run, `${run}.defrost`], { stdio: 'ignore' });
    await page.setInputFiles('#load', `${run}.defrost`);
    await visit.until(() => document.querySelector('#engine').textContent.startsWith('command.defrost: '), null, 'the run of the command');
    await agree(visit, run);
  }
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
}, views[1]);

// With the keyboard alone, on a phone's width.
await part('keyboard', async visit => {
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
}, views[2]);

// The lesson.
await part('lesson', async visit => {
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
}, views[0]);
close();
