// What the live page shows of a run besides its report: the time, a few predictions as it learns, the question whether to stop, and where the
// run is saved.
import { readFileSync } from 'node:fs';

/** Expects the time so far and to come. */
export async function expectTime(visit) {
  await visit.until(() => / so far, (about|at most) .+ left$/.test(document.querySelector('#time').textContent), null, 'the time that is left');
}

/** Expects validation items with what is predicted for them, now and before. */
export async function expectPredictions(visit) {
  await visit.until(() => document.querySelector('#recent .before')?.textContent.startsWith('before: '), null, 'predictions of two epochs');
  const shown = await visit.page.locator('#items > li').evaluateAll(lines => lines.map(line => {
    const image = line.querySelector('img');
    return image.complete && image.naturalWidth > 0 && line.querySelector('.now').textContent.startsWith('Predicted: ');
  }));
  visit.expect(shown.length === 6 && shown.every(Boolean), `predictions: ${shown}`);
}

/** Asks to stop and thinks better of it, then stops; from the keyboard alone. */
export async function stop(visit) {
  const { page } = visit;
  const focused = () => page.evaluate(() => document.activeElement.id);
  await page.focus('#stop');
  await page.keyboard.press('Enter');
  visit.expect(await page.isVisible('#really') && await focused() === 'stop-no', 'it does not ask');
  await visit.look('really');
  await page.keyboard.press('Escape');
  visit.expect(await page.isHidden('#really') && await focused() === 'stop', 'the question stays');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Shift+Tab');
  visit.expect(await focused() === 'stop-yes', `Yes is not before Go on, but ${await focused()}`);
  await page.keyboard.press('Enter');
}

/** Expects where the run is saved, and a copy of its report. */
export async function expectSaved(visit, run) {
  const { page } = visit;
  await page.waitForSelector('#saved:not([hidden])');
  const words = await page.textContent('#saved');
  visit.expect(words.includes(`${run}/report.html`) && words.includes(`defrost serve ${run}`), `where it is saved: ${words}`);
  visit.expect(await page.isHidden('#recent'), 'predictions of a run that is over');
  const [copy] = await Promise.all([page.waitForEvent('download'), page.click('#saved-page')]);
  const text = readFileSync(await copy.path(), 'utf8');
  visit.expect(text.includes('<h1>') && text.includes('<style>'), 'the copy is no report');
}
