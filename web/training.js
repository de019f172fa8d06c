// Training: its progress, pausing and stopping it, the trainings so far, and the network that answers.
import { call, engine } from './engine.js';
import { download, duration, fill, make, part, percent, say } from './page.js';
import { epochCost, learnCost, pictureCost, setEnabled, wanted } from './network.js';

/** Trainings that are over and not undone, oldest first, each with its packed run: `{ name, bytes }`. */
export const runs = [];
/** The packed run that answers. */
export let answers;
let current, onOver = () => {};

const words = { head: 'Train the head', thaw: 'Thaw', from_start: 'Train thawed from the start' };

/** The words for a training: `Thaw, freeze_to 1, 2 epochs`. */
const described = ({ kind, epochs, freeze_to, rates }) => (kind === 'head'
  ? words.head : `${words[kind]}, freeze_to ${freeze_to}, ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}${rates ? `, rates ${rates.map(rate => rate.toExponential(1)).join(', ')}` : ''}`);

/** Shows what happens now; the controls follow it. */
export function showStep(step, text) {
  part('run').hidden = false;
  part('run').dataset.step = step;
  say(part('step'), text);
  say(part('pause'), step === 'paused' ? 'Resume' : 'Pause');
  const isTraining = ['training', 'paused'].includes(step);
  part('pause').disabled = !isTraining;
  part('stop').disabled = !isTraining && step !== 'advising';
  say(part('stop'), step === 'advising' ? 'Stop' : 'Stop and keep');
  say(part('stop-means'), step === 'advising' ? 'Stopping leaves everything as it was. Pictures that you try are answered when it is over.' : 'Stopping keeps the best epoch so far.');
  const idle = step === 'over' || step === 'failed';
  for (const id of ['head', 'thaw', 'from-start', 'advise', 'read', 'undo', 'download', 'onnx']) part(id).disabled = !idle;
  document.querySelectorAll('#lesson button').forEach(button => { button.disabled = !idle; });
  setEnabled(idle);
}

/** Starts a training and waits until it is over; its report. */
export async function train(request) {
  current = { request, done: 0, began: performance.now() };
  say(part('trouble'), '');
  say(part('place'), '');
  part('losses').hidden = true;
  part('done').removeAttribute('value');
  showStep('training', `${described(request)}: getting ready`);
  const over = new Promise((resolve, reject) => { Object.assign(current, { resolve, reject }); });
  try {
    await call('begin', request);
    return await over;
  } catch (error) {
    fail(error.message);
    throw error;
  }
}

function fail(text) {
  say(part('trouble'), text);
  showStep('failed', 'The training has failed.');
}

const last = () => runs[runs.length - 1];

async function saveOnnx() {
  download('photos.onnx', new Blob([await call('onnx', last().run)]));
}

/** Goes on with the training of an earlier visit. */
export async function resume() {
  current = { done: 0, began: performance.now() };
  const over = new Promise((resolve, reject) => { Object.assign(current, { resolve, reject }); });
  over.catch(() => {});
  current.request = await call('resume');
  showStep('training', `${described(current.request)}: going on`);
  return over;
}

let phase = '', batchCame;
engine.addEventListener('progress', ({ detail: { progress, losses, sections, memory } }) => {
  if (losses) {
    part('losses').hidden = false;
    fill(part('losses'), losses);
  }
  if (sections) showReport(sections);
  document.documentElement.dataset.memory = memory;
  for (const event of progress.events) {
    if (event.kind === 'phase') {
      phase = event.name;
      batchCame = undefined;
    }
    if (event.kind === 'batch') {
      const { epoch, epochs, batch, batches, loss } = event;
      const now = performance.now();
      // Three passes of an epoch's cost are its training, and batches are a part of them.
      if (batchCame && phase !== 'frozen') learnCost((now - batchCame) / 1000 * batches * 1.05, epochCost);
      batchCame = now;
      part('done').value = (epoch - 1 + batch / batches) / epochs;
      say(part('place'), `${phase}: epoch ${epoch} of ${epochs}, batch ${batch} of ${batches}, loss ${loss.toFixed(3)}; ${duration(progress.seconds)} so far`);
    }
    if (event.kind === 'rolled_back') say(part('place'), `${phase}: the loss was not a number; the epoch starts again at half the rates`);
  }
  if (phase === 'frozen' && progress.cached > (current.cached ??= progress.cached)) {
    learnCost(progress.seconds - current.since, (progress.cached - current.cached) * pictureCost);
  }
  current.since ??= progress.seconds;
  if (progress.events.length === 0 && phase === 'frozen') say(part('place'), `frozen: ${progress.cached} pictures have gone through the body; ${duration(progress.seconds)} so far`);
  if (part('run').dataset.step === 'training') say(part('step'), described(current.request));
});

engine.addEventListener('over', ({ detail: { run, sections, request, report } }) => {
  showReport(sections);
  answers = run;
  runs.push({ run, request, report });
  showRuns();
  part('done').value = 1;
  showStep('over', `${described(request)}: over`);
  onOver();
  current?.resolve?.(report);
});

engine.addEventListener('unkept', ({ detail: { error } }) => say(part('trouble'), `The browser keeps no checkpoint (${error}), so this training can't continue after the tab is closed.`));

engine.addEventListener('failed', ({ detail: { error } }) => {
  fail(error);
  current?.reject?.(new Error(error));
});

function showReport(html) {
  part('report-fold').hidden = false;
  fill(part('report'), html);
}

function showRuns() {
  part('runs').hidden = runs.length === 0;
  part('run-rows').replaceChildren(...runs.map(({ request, report }) => {
    const accuracy = report.validation?.metrics.accuracy;
    const reason = report.decision?.reason ?? report.state.ended_early?.reason ?? '';
    return make('tr', {}, make('th', { scope: 'row', className: 'text', textContent: described(request) }),
      make('td', { textContent: accuracy === undefined ? '' : percent(accuracy) }),
      make('td', { textContent: (report.state.finished ?? report.state.ended_early)?.seconds.toFixed(0) ?? '' }),
      make('td', { className: 'text', textContent: reason }));
  }));
}

/** Lets a packed run answer; what it is. */
export async function answerBy(run) {
  const about = await call('load', run);
  answers = run;
  return about;
}

/** Takes the last training back: the one before answers again. */
async function undo() {
  runs.pop();
  showRuns();
  part('report-fold').hidden = runs.length === 0;
  if (last()) showReport((await answerBy(last().run)).sections);
  onOver();
}

/** Forgets all runs of other pictures. */
export function forgetRuns() {
  runs.length = 0;
  showRuns();
}

/** Connects the buttons; `after` is called when there is another network to try. */
export function connect(after) {
  onOver = after;
  const begin = kind => () => train(wanted(kind)).catch(() => {});
  part('head').onclick = begin('head');
  part('thaw').onclick = begin('thaw');
  part('from-start').onclick = begin('from_start');
  part('pause').onclick = async () => {
    const isPaused = part('run').dataset.step === 'paused';
    showStep(isPaused ? 'training' : 'paused', isPaused ? described(current.request) : 'Paused');
    await call(isPaused ? 'proceed' : 'pause');
  };
  part('stop').onclick = async () => {
    if (part('run').dataset.step === 'advising') return;
    showStep('stopping', 'Stopping after this batch');
    await call('stop');
  };
  part('undo').onclick = () => undo().catch(error => say(part('trouble'), error.message));
  part('download').onclick = () => download(last().run.name, new Blob([last().run.bytes], { type: 'application/zip' }));
  part('onnx').onclick = () => saveOnnx().catch(error => say(part('trouble'), error.message));
}
