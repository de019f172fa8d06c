// Trains with a live page and does there what somebody would: watches curves grow and layer groups thaw, pauses, goes on,
// stops and saves.
//
//   node live.mjs COMMAND DATA FOLDER
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { check, usual } from './check.mjs';
import { expectPredictions, expectSaved, expectTime, stop } from './watching.mjs';

const [command, data, folder] = process.argv.slice(2);
const options = ['--size', '64', '--batch', '16', '--freeze-epochs', '8', '--epochs', '60'];

/** Starts a run; gives the address of its page, and its exit code when it has ended. */
async function train(out) {
  const run = spawn(command, ['train', data, ...options, '--live=0', '--out', out], { stdio: ['ignore', 'ignore', 'pipe'] });
  const code = once(run, 'exit').then(([code]) => code);
  let said = '';
  for await (const words of run.stderr.iterator({ destroyOnReturn: false })) {
    said += words;
    const [, address] = said.match(/^live: (\S+)/m) ?? [];
    if (address) return { address, code, run: run.stderr.resume() && run };
  }
  throw new Error(`no live page: ${said}`);
}

const isStep = step => document.querySelector('#run').dataset.step === step;
// A dot in each of the two curves of validation: its loss, its accuracy.
const hasEpochs = count => document.querySelectorAll('#report figure:has(h3) .c0 circle').length / 2 >= count;
const runsPhase = name => document.querySelector('#report svg.plan desc')?.textContent.includes(`phase ${name}, running now`);

for (const view of usual) {
  const out = `${folder}/live-${view.scheme}-${view.width}`;
  const { address, code, run } = await train(out);
  await check('live', `${address}/`, async visit => {
    const { page } = visit;
    const done = () => page.$eval('#done', element => element.value);
    await visit.until(runsPhase, 'frozen', 'the frozen phase');
    await visit.until(hasEpochs, 2, 'two epochs');
    await visit.until(() => document.querySelector('#batches svg.chart .line'), null, 'the losses of batches');

    await expectTime(visit);
    await expectPredictions(visit);

    await page.click('#pause');
    await visit.until(isStep, 'paused', 'the pause');
    const before = await done();
    await visit.look('paused');
    await page.waitForTimeout(700);
    visit.expect(await done() === before && before > 0, 'a run that is paused goes on');
    visit.expect(await page.textContent('#pause') === 'Resume', 'nothing says how to go on');
    visit.expect(await page.evaluate(() => document.activeElement.id) === 'pause', 'the button has lost the focus');

    await page.keyboard.press('Enter');
    await visit.until(isStep, 'training', 'the end of the pause');
    await visit.until(runsPhase, 'thawed', 'the thawed phase');
    await visit.until(hasEpochs, 9, 'a thawed epoch');
    visit.expect(await done() > before, 'nothing more is done');
    visit.expect(await page.$$eval('details', all => all.every(details => details.open)), 'what was unfolded has closed');

    await stop(visit);
    await visit.until(isStep, 'over', 'the end');
    visit.expect((await page.textContent('#step')).includes('stopped on its live page'), 'nothing says why it ended');
    visit.expect(await page.isVisible('#errors'), 'the report has no last part');
    visit.expect(await code === 0, 'the command has failed');
    await expectSaved(visit, out);
    await visit.look('over');
  }, [view]).finally(() => run.kill());
}
