// Seven questions about freezing, each answered by doing: a step sets the controls, trains, and says the result.
import { call } from './engine.js';
import { fill, make, part, percent, say } from './page.js';
import * as network from './network.js';
import { sample } from './pictures.js';
import { train } from './training.js';

/** Layer groups of the network that the page trains. */
const GROUPS = 3;
/** Small batches, so that there are steps enough with few photos. */
const BATCH = 8;
/** The stage from which on a step leaves stages off. */
const CUT = 'blocks.5.0';

let actions;
/** What the network on the page was set up with by the last step: sample photos of each class, and the cut. */
let set = {};

/** Sets the network up with this many sample photos of each class. */
async function setUp(each, cut) {
  if (set.each !== each) {
    part('batch').value = BATCH;
    part('groups').value = '';
    network.chooseCut('');
    await sample(each);
    await actions.readAnew();
    set = { each, cut: '' };
  }
  if (set.cut !== cut) {
    network.chooseCut(cut);
    await actions.readAnew();
    set = { each, cut };
  }
}

const accuracy = report => `Accuracy ${percent(report.validation.metrics.accuracy)}.`;
const relative = ({ distance, start }) => (start > 0 ? distance / start : 0);
const decision = report => `${report.about.train} pictures: ${report.decision.reason}.`;

/** How far the stages of the body and the head have moved. */
function moved(report) {
  const head = report.movements[report.movements.length - 1];
  const body = report.movements.slice(0, -1);
  const still = body.filter(({ distance }) => distance === 0).length;
  const most = Math.max(...body.map(relative));
  return `${still} of the body's ${body.length} stages have not moved by one bit; ${still < body.length
    ? `the others by up to ${(100 * most).toFixed(2)} % of their length` : 'only the head has'}. The head moved by ${head.distance.toFixed(2)}.`;
}

/** Results that later steps compare with. */
const results = {};

const thaw = more => ({ kind: 'thaw', epochs: 1, freeze_to: 0, rates: null, ...more });
const head = { ...thaw(), kind: 'head' };
const beside = (key, otherwise) => `\n${results[key] ?? otherwise}`;

/** A button trains by its request on `each` sample photos of a class and says the result. */
const steps = [
  {
    question: 'What do freezing and unfreezing do?',
    text: 'A frozen group does not learn, so what it computes for a picture is computed once and kept. An unfrozen (thawed) group learns again, and each picture goes through all of it in every epoch. Train the head alone, then thaw, and look at how far each stage has moved.',
    buttons: [
      { label: 'Train the head of a frozen network', request: head, says: report => `${accuracy(report)} ${moved(report)}` },
      { label: 'Thaw everything', request: thaw(), says: report => {
        results.thawed = `With the head first: ${accuracy(report)} ${moved(report)}`;
        return `${accuracy(report)} ${moved(report)}\n${decision(report)}`;
      } },
    ],
  },
  {
    question: 'Why does the head come first?',
    text: 'A new head knows nothing. Thawed from the start, its errors reach the body and drag features that were good. So the default finds the best head first and thaws then. Train both together, and compare how far the body has moved.',
    buttons: [
      { label: 'Train thawed from the start', request: { ...thaw({ rates: [2e-3, 2e-3, 2e-3] }), kind: 'from_start' },
        says: report => `${accuracy(report)} ${moved(report)}${beside('thawed', 'The first step does the same with the head first.')}` },
    ],
  },
  {
    question: 'What does freeze_to(n) do?',
    text: 'It freezes the groups before position n and thaws the rest. The slider below is n: here it stands at 1.',
    buttons: [{ label: 'Set freeze_to to 1 and thaw', request: thaw({ freeze_to: 1 }), says: report => `${accuracy(report)} ${moved(report)}\n${decision(report)}` }],
  },
  {
    question: 'Which learning rates?',
    text: 'Each group has its own, the highest for the head: groups nearer the input know what most pictures share and get less. The handles on the drawing below set them. Here the first group gets a hundredth of the head\'s rate, as in fastai. The option names twice these rates, because thawing trains at half of those given.',
    buttons: [
      { label: 'Thaw at discriminative rates', request: thaw({ rates: [1e-5, 1e-4, 1e-3] }), says: report => {
        const body = report.movements.slice(0, -1).map(one => `${one.stage} ${(100 * relative(one)).toPrecision(2)} %`);
        return `${accuracy(report)} Moved, from the input on: ${body.join(', ')}.`;
      } },
    ],
  },
  {
    question: 'When should I freeze, and when unfreeze?',
    text: 'With few pictures of a class, a thawed body memorises them, so freezing is better; with many, thawing gains. The default measures both on the validation pictures and keeps the better one. “Advise me” below tries several plans before you train.',
    buttons: [6, 20].map(each => ({ label: `Thaw with ${each} pictures of each class`, each, request: thaw(), says: decision })),
  },
  {
    question: 'Which stages do I need? What is a cut?',
    text: 'Late stages of the body know much about the classes that it was pretrained on. For other classes they may know too much, and each costs time. A cut leaves off a stage and all after it, and puts the new head there.',
    buttons: [
      { label: 'Train the head of the whole network', request: head, says: report => {
        results.whole = `Without a cut: ${accuracy(report)}`;
        return `${accuracy(report)} The body has ${report.movements.length - 1} stages and ${parameters(report)}.`;
      } },
      { label: `Leave off the stages from ${CUT}`, cut: CUT, request: head, says: report => `${accuracy(report)} ${report.movements.length - 1} stages of the body are left, with ${
        parameters(report)}.${beside('whole', 'The other button does the same without a cut.')}` },
    ],
  },
  {
    question: 'What about other kinds of models?',
    text: 'Freezing is the same for every network that is a list of layer groups. A text network has its embeddings, its blocks and its head; a table\'s network is new, so nothing of it is frozen. Train a small table here, and see that every group of its plan learns.',
    lines: ['defrost train people.csv --label-column group\n\nfrom defrost.tabular import *\nlearn = tabular_learner("people.csv", label_column="group")\nlearn.train()'],
    buttons: [
      { label: 'Train a table of 240 rows', async act(result) {
        const { svg, rows, accuracy: found, seconds } = await call('table');
        const figure = make('figure');
        fill(figure, svg);
        result.after(figure);
        return `${rows} rows in ${seconds.toFixed(1)} s: accuracy ${percent(found)}. There was nothing to freeze: no block of the drawing is hatched.`;
      } },
    ],
  },
];

const parameters = ({ plan }) => `${(plan.groups.slice(0, -1).reduce((sum, { params }) => sum + params, 0) / 1e6).toFixed(2)} million weights`;

/** Trains as a button says; its result in words. */
async function trained({ each = 20, cut = '', request, says }) {
  await setUp(each, cut);
  await network.setControls(request);
  return says(await train(request));
}

/** A step as an item of the list. */
function item({ question, text, lines, buttons }, number) {
  const result = make('p', { role: 'status' });
  const wrong = make('p', { role: 'alert' });
  const all = buttons.map(step => {
    const button = make('button', { type: 'button', textContent: step.label });
    button.onclick = async () => {
      const others = document.querySelectorAll('#lesson button');
      others.forEach(other => { other.disabled = true; });
      say(wrong, '');
      say(result, 'Training; the progress is below under 3.');
      try {
        say(result, await (step.act ? step.act(result) : trained(step)));
      } catch (error) {
        say(result, '');
        say(wrong, error.message);
      }
      others.forEach(other => { other.disabled = false; });
      button.focus();
    };
    return button;
  });
  const code = buttons.map((step, place) => make('pre', { textContent: lines?.[place] ?? '', tabIndex: 0 }));
  return make('li', {}, make('details', { open: number === 0 }, make('summary', { textContent: question }), make('p', { textContent: text }),
    make('p', { className: 'buttons' }, ...all), wrong, result, make('p', { className: 'quiet', textContent: 'The same with the command, and in Python:' }), ...code));
}

/** Shows for each button the command and the Python lines that do the same, as the library words them. */
export async function describe() {
  const settings = { ...actions.settings(), batch: BATCH, groups: null };
  const trainings = steps.flatMap(({ buttons }, step) => buttons.map((button, place) => ({ button, step, place }))).filter(({ button }) => button.request);
  const all = trainings.map(({ button: { cut = null, request } }) => ({ settings: { ...settings, cut }, request }));
  const found = await call('inWords', { groups: GROUPS, all });
  const items = part('lesson').children;
  trainings.forEach(({ step, place }, at) => {
    const { command, python } = found[at];
    say(items[step].querySelectorAll('pre')[place], `${command}\n\nfrom defrost.vision import *\n${python}`);
  });
}

/** Shows the steps. */
export function connect(given) {
  actions = given;
  part('lesson').replaceChildren(...steps.map(item));
  // Reading other pictures leaves the lesson's.
  part('read').addEventListener('click', () => { set = {}; });
  part('settings').addEventListener('change', describe);
}
