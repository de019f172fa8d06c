// The page that trains, used as somebody would: the sample photos are read, the head is trained, the body thawed, a training paused,
// the tab closed and the training resumed; the page advises; the lesson is clicked through; bad files are named; all of it with the
// keyboard alone, too. `defrost playground` serves it, where DEFROST says that the command is; the two answer by each other's networks,
// with the same probabilities. Without DEFROST it comes from web/dist. What the page saves is left in FOLDER. SIZE is that of the
// pictures; the times that the page promises are for its usual 128, and are only printed for others.
//
//   node playground.mjs FOLDER [PART…]
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { check, views } from './check.mjs';
import { started } from './served.mjs';
import { serve } from './static.mjs';
import { unzip } from '../web/zip.js';

const [folder, ...wanted] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const { DEFROST } = process.env;
const { url: address, close } = DEFROST ? await started(DEFROST, ['playground']) : await serve('../web/dist');

/** Does a part of the test, unless others are wanted. */
const part = (name, use, view) => (wanted.length === 0 || wanted.includes(name)) && check(name, address, use, [view]);

const isReady = () => document.documentElement.dataset.ready === 'true';
const isStep = step => document.querySelector('#run').dataset.step === step;
const hasRuns = count => document.querySelectorAll('#run-rows tr').length === count && document.querySelector('#run').dataset.step === 'over';
const LONG = Number(process.env.LONG ?? 600);
const SIZE = process.env.SIZE ?? '128';
const chooseSize = page => page.evaluate(size => { document.querySelector('#size').value = size; }, SIZE);

/** Prints a time, and expects it to be short enough at the usual size. */
function expectWithin(visit, seconds, most, words) {
  console.log(`  ${words}: ${seconds.toFixed(1)} s at ${SIZE} pixels`);
  visit.expect(SIZE !== '128' || seconds < most, `${words} took ${seconds.toFixed(1)} s`);
}

/** Expects the library to have needed less than 1 GB so far. */
async function expectMemory(visit) {
  const memory = await visit.page.evaluate(() => Number(document.documentElement.dataset.memory));
  console.log(`  memory of the library: ${(memory / 1e6).toFixed()} MB`);
  visit.expect(memory > 0 && memory < 1e9, `${memory} bytes of memory`);
}

/** Seconds that this takes. */
async function timed(act) {
  const began = performance.now();
  await act();
  return (performance.now() - began) / 1000;
}

const photo = name => new URL(`../samples/clothing/${name}.jpg`, import.meta.url).pathname;
const ASKED = ['dress/02', 'shorts/03', 'skirt/07'];

/** The command's probabilities for a picture, by class. */
function commandSays(run, name) {
  const [{ top }] = JSON.parse(execFileSync(DEFROST, ['predict', run, photo(name), '--json']));
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

/** Whether the command trains to the same choice, on the pictures that the page has saved and with its settings. */
function choosesAlike(visit, epochs) {
  const [photos, run] = [`${folder}/photos`, `${folder}/same`];
  for (const [name, bytes] of unzip(readFileSync(`${folder}/photos.zip`))) {
    mkdirSync(dirname(`${photos}/${name}`), { recursive: true });
    writeFileSync(`${photos}/${name}`, bytes);
  }
  execFileSync(DEFROST, ['train', photos, '--size', SIZE, '--epochs', epochs, '--precision', 'f32', '--out', run], { stdio: 'ignore' });
  const { runs } = JSON.parse(execFileSync(DEFROST, ['compare', `${folder}/photos.defrost`, run, '--json']));
  const [here, there] = runs.map(({ decision }) => decision);
  console.log(`  the page: ${here.reason}\n  the command: ${there.reason}`);
  visit.expect(here.kept === there.kept, `the page keeps ${here.kept}, the command ${there.kept}`);
  // One of the twelve validation pictures may fall to either side.
  const apart = ['frozen', 'thawed'].map(side => Math.abs(here[side].metric - there[side].metric));
  visit.expect(Math.max(...apart) < 1.5 / 12, `the page and the command end ${apart} apart`);
}

/** Counts frames from now on; the function returned tells how many a second there were. */
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
    { name: 'broken.jpg', mimeType: 'image/jpeg', buffer: bytes.subarray(0, bytes.length / 2) },
    { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') },
  ]);
  await page.$eval('#settings', details => { details.open = true; });
  await page.selectOption('#size', SIZE);
  const reading = await timed(async () => {
    await page.click('#read');
    await page.waitForSelector('#network:not([hidden])', { timeout: LONG * 1000 });
  });
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
  const head = await timed(async () => {
    await page.click('#head');
    await visit.until(hasRuns, 1, 'the trained head', LONG);
  });
  expectWithin(visit, reading + head, 20, 'reading 60 pictures and training the head');
  const perSecond = await rate();
  console.log(`  frames a second while training: ${perSecond.toFixed()}`);
  visit.expect(perSecond >= 30, `${perSecond.toFixed()} frames a second while training`);

  // Thawing, paused and resumed.
  await page.fill('#epochs', '2');
  const toThawed = await timed(async () => {
    await page.click('#thaw');
    await visit.until(() => document.querySelector('#place').textContent.startsWith('thawed'), null, 'a thawed batch', LONG);
  });
  await page.click('#pause');
  await visit.until(isStep, 'paused', 'the pause', LONG);
  const place = await page.textContent('#place');
  await page.waitForTimeout(1500);
  visit.expect(await page.textContent('#place') === place, 'a training that is paused goes on');
  await visit.look('paused');
  const thawed = await timed(async () => {
    await page.focus('#pause');
    await page.keyboard.press('Enter');
    await visit.until(hasRuns, 2, 'the thawed network', LONG);
  });
  expectWithin(visit, toThawed + thawed, 180, 'the head and two thawed epochs');
  await expectMemory(visit);

  // Its answers, in the page and by the command; and those of a network that the command has trained.
  const [saved] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
  await saved.saveAs(`${folder}/photos.defrost`);
  const [exported] = await Promise.all([page.waitForEvent('download'), page.click('#onnx')]);
  await exported.saveAs(`${folder}/photos.onnx`);
  const probabilities = await pageSays(page, ASKED[0]);
  visit.expect(Math.abs(Object.values(probabilities).reduce((sum, one) => sum + one) - 1) < 1e-5, 'probabilities do not add up to 1');
  if (DEFROST) await agree(visit, `${folder}/photos.defrost`);
  const [photos] = await Promise.all([page.waitForEvent('download'), page.click('#save-zip')]);
  await photos.saveAs(`${folder}/photos.zip`);
  if (DEFROST) choosesAlike(visit, '2');
  await visit.look('trained');

  // A network that was saved answers as it did, and the last training can be taken back.
  if (DEFROST) {
    const run = `${folder}/command`;
    execFileSync(DEFROST, ['train', new URL('../samples/clothing', import.meta.url).pathname, '--size', SIZE, '--epochs', '0', '--precision', 'f32', '--out', run], { stdio: 'ignore' });
    execFileSync(DEFROST, ['pack', run, `${run}.defrost`], { stdio: 'ignore' });
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
  await chooseSize(page);
  await press('read');
  await page.waitForSelector('#network:not([hidden])', { timeout: LONG * 1000 });
  await press('head');
  await visit.until(hasRuns, 1, 'the trained head', LONG);

  // A rate is moved on the drawing, and the usual ones come back.
  const rate = () => page.$eval('#rates label:last-child output', output => output.textContent);
  const usual = await rate();
  await page.focus('#rates label:last-child input');
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction(usual => document.querySelector('#rates label:last-child output').textContent !== usual, usual);
  visit.expect((await page.textContent('#command')).includes('--lr '), 'the command does not follow a rate');
  await page.focus('#usual-rates');
  await page.keyboard.press('Enter');
  await page.waitForFunction(usual => document.querySelector('#rates label:last-child output').textContent === usual, usual);
  await visit.look('trained');
}, views[2]);

// Advice after two trainings, in what memory they have left, and once more, stopped in the middle.
await part('advice', async visit => {
  const { page } = visit;
  await visit.until(isReady, null, 'the library');
  await page.click('#sample');
  await page.waitForFunction(() => document.querySelectorAll('#classes li').length === 3);
  await chooseSize(page);
  await page.click('#read');
  await page.waitForSelector('#network:not([hidden])', { timeout: LONG * 1000 });
  await page.click('#head');
  await visit.until(hasRuns, 1, 'the trained head', LONG);
  await page.click('#thaw');
  await visit.until(hasRuns, 2, 'the thawed network', LONG);
  const answered = await pageSays(page, ASKED[0]);

  const measures = () => visit.until(() => / of \d+ passes/.test(document.querySelector('#place').textContent), null, 'the first measurement', LONG);
  const rate = await frames(page);
  const took = await timed(async () => {
    await page.click('#advise');
    await measures();
    await page.focus('#stop');
    await visit.until(isStep, 'over', 'the advice', LONG);
  });
  expectWithin(visit, took, 120, 'the advice');
  const perSecond = await rate();
  visit.expect(perSecond >= 30, `${perSecond.toFixed()} frames a second while it measures`);
  await expectMemory(visit);
  const [means, words, command] = await Promise.all(['#advice-means', '#advice-section p', '#advice-section pre'].map(one => page.textContent(one)));
  console.log(`  ${words}\n  ${command}\n  ${means}`);
  visit.expect(/Train|know/.test(words) && await page.locator('#advice-section svg.chart').count() === 2, `no advice: ${words}`);
  visit.expect(await page.locator('#advice-section tbody tr').count() > 2, 'no plan was tried');
  if (DEFROST) parsed(visit, command);
  await visit.look('advised');

  const advised = await page.innerHTML('#advised');
  await page.click('#advise');
  await measures();
  // The trained network is still there, and answers what was asked meanwhile.
  const waits = pageSays(page, ASKED[0]);
  await page.waitForTimeout(500);
  await page.click('#stop');
  await visit.until(isStep, 'over', 'the end of an advice that was stopped', 5);
  visit.expect((await page.textContent('#step')).includes('stopped'), 'an advice that was stopped goes on');
  visit.expect(await page.innerHTML('#advised') === advised, 'an advice that was stopped is shown');
  assert.deepEqual(await waits, answered);
  await page.click('#thaw');
  await visit.until(hasRuns, 3, 'a training by the new worker', LONG);
}, views[3]);

/** Whether the command takes these words. */
function parsed(visit, command) {
  const [, , ...words] = command.split(' ').map(word => word.replaceAll("'", '')).map(word => (word === 'photos' ? new URL('../samples/clothing', import.meta.url).pathname : word));
  try {
    execFileSync(DEFROST, ['plan', ...words, '--json'], { stdio: 'pipe' });
  } catch (error) {
    visit.expect(false, `${command}: ${error.stderr ?? error}`);
  }
}

// The lesson.
await part('lesson', async visit => {
  const { page } = visit;
  await visit.until(isReady, null, 'the library');
  await page.$eval('#settings', details => { details.open = true; });
  await page.selectOption('#size', SIZE);
  const steps = await page.$$('#lesson > li');
  assert.equal(steps.length, 7);
  const said = new Map();
  for (const step of steps) {
    await step.$eval('details', details => { details.open = true; });
    for (const [place, button] of (await step.$$('button')).entries()) {
      const label = await button.textContent();
      const lines = await step.$$eval('pre', (all, place) => all[place].textContent, place);
      visit.expect(/^defrost train .*\n\nfrom defrost\.\w+ import \*\nlearn = /.test(lines), `${label}: no command or no Python: ${lines}`);
      if (DEFROST && lines.includes('photos')) parsed(visit, lines.split('\n')[0]);
      await button.click();
      await page.waitForFunction(button => !button.disabled, button, { timeout: LONG * 1000 });
      const result = await step.$eval('[role=status]', element => element.textContent);
      const wrong = await step.$eval('[role=alert]', element => element.textContent);
      visit.expect(wrong === '' && /\d/.test(result), `${label}: ${wrong || 'no result'}`);
      said.set(label, result);
      console.log(`  ${label}: ${result.split('\n')[0]}`);
    }
  }
  const says = (label, words) => visit.expect(said.get(label)?.includes(words), `${label}: no “${words}” in ${said.get(label)}`);
  says('Train the head of a frozen network', 'only the head has');
  says('Thaw everything', '0 of the body');
  says('Train thawed from the start', 'With the head first: ');
  says('Leave off the stages from blocks.5.0', 'Without a cut: ');
  const weights = label => Number(said.get(label)?.match(/([\d.]+) million weights/)?.[1]);
  visit.expect(weights('Leave off the stages from blocks.5.0') < 0.5 * weights('Train the head of the whole network'), 'nothing was cut off');
  await visit.look('done');
}, views[0]);
close();
