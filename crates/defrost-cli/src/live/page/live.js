// A run's report while it goes on: /events tells what has changed, and the buttons ask to pause, to go on and to stop.
import { showItems, showPredictions } from '/recent.js';

const part = (id) => document.getElementById(id);
const report = part('report');
const steps = {
  getting_ready: 'Getting ready',
  training: 'Training',
  pausing: 'Pausing after this batch',
  paused: 'Paused',
  stopping: 'Stopping after this batch',
  saving: 'Evaluating and saving',
};

/** Text that is read out only when it is another one. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function elements(html) {
  const template = document.createElement('template');
  template.innerHTML = html;
  return [...template.content.children];
}

const handles = (section) => [...section.querySelectorAll('summary, [tabindex]')];
const folds = (section) => [...section.querySelectorAll('details')];

/** The sections as they arrived. */
let told = [];

/** Puts the sections that have changed in the place of those that were there. What is unfolded stays so. */
function showReport(html) {
  const fresh = elements(html);
  const texts = fresh.map((section) => section.outerHTML);
  const old = [...report.children];
  fresh.forEach((section, place) => {
    if (texts[place] === told[place]) return;
    if (!old[place]) {
      report.append(section);
      return;
    }
    const unfolded = folds(old[place]).map((details) => details.open);
    folds(section).forEach((details, index) => { details.open = unfolded[index] ?? false; });
    const held = handles(old[place]).indexOf(document.activeElement);
    old[place].replaceWith(section);
    handles(section)[held]?.focus();
  });
  old.slice(fresh.length).forEach((section) => section.remove());
  told = texts;
}

function showBatches({ title, svg }) {
  const figure = part('batches');
  if (!figure) return;
  const heading = document.createElement('h3');
  heading.textContent = title;
  figure.replaceChildren(heading, ...elements(svg));
  figure.hidden = false;
}

/** The run's step, and the buttons that are active in it. */
function showStep(step) {
  part('run').dataset.step = step;
  if (steps[step]) say(part('step'), steps[step]);
  const waits = step === 'pausing' || step === 'paused';
  say(part('pause'), waits ? 'Resume' : 'Pause');
  part('pause').disabled = !waits && step !== 'training' && step !== 'getting_ready';
  part('stop').disabled = part('pause').disabled;
  if (part('stop').disabled && !part('really').hidden) askToStop(false);
}

/** Shows the question whether to stop in the place of the buttons, or the buttons again. */
function askToStop(isAsked) {
  part('really').hidden = !isAsked;
  part('buttons').hidden = isAsked;
  part(isAsked ? 'stop-no' : 'stop').focus();
}

let phaseShown = null;

function showState({ name, step, phase, done, batch, time }) {
  showStep(step);
  say(part('trouble'), '');
  part('done').value = done;
  part('time').textContent = time.words;
  document.title = `${Math.floor(done * 100)} % ${name}`;
  if (batch) {
    const { epoch, epochs, batch: at, batches, loss } = batch;
    const where = at < batches ? `batch ${at} of ${batches}, loss ${loss.toFixed(3)}` : 'evaluating';
    say(part('place'), `${phase}: epoch ${epoch} of ${epochs}, ${where}`);
  } else if (phase !== phaseShown) {
    say(part('place'), phase ?? '');
  }
  phaseShown = phase;
}

/** Where the run is, and a copy of its report as a file. */
async function showSaved({ report: file, serve }) {
  part('saved-report').textContent = file;
  part('saved-serve').textContent = serve;
  const title = new Option(report.querySelector('h1')?.textContent).innerHTML;
  const page = ['<!doctype html><html lang="en"><meta charset="utf-8"><title>', title, '</title><style>', await style, '</style><main>', ...told, '</main></html>'];
  part('saved-page').href = URL.createObjectURL(new Blob(page, { type: 'text/html' }));
  part('saved').hidden = false;
}

function showEnd(words) {
  source.close();
  part('recent').hidden = true;
  say(part('step'), words);
  document.title = document.title.replace(/^.*? % /, '');
}

async function ask(path) {
  try {
    const response = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' });
    const answer = await response.json();
    say(part('trouble'), response.ok ? '' : answer.error);
    if (response.ok) showStep(answer.step);
  } catch {
    say(part('trouble'), 'The run does not answer.');
  }
}

part('pause').addEventListener('click', () => ask(part('pause').textContent === 'Resume' ? '/resume' : '/pause'));
part('stop').addEventListener('click', () => askToStop(true));
part('stop-no').addEventListener('click', () => askToStop(false));
part('stop-yes').addEventListener('click', () => {
  askToStop(false);
  ask('/stop');
});
part('really').addEventListener('keydown', ({ key }) => key === 'Escape' && askToStop(false));

/** How a report looks, fetched while the run can still be reached. */
const style = fetch('/report.css').then((answer) => answer.text());

const source = new EventSource('/events');
const on = (name, show) => source.addEventListener(name, ({ data }) => show(JSON.parse(data)));
on('report', showReport);
on('batches', showBatches);
on('items', showItems);
on('predictions', showPredictions);
on('state', showState);
on('saved', showSaved);
on('over', showEnd);
source.addEventListener('error', () => say(part('trouble'), 'The run does not answer; it may have ended. Asking again…'));
