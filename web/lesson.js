// Seven questions about freezing, each answered by doing: a step sets the controls, trains, and says the result.
import { make, part, percent, say } from './page.js';
import * as network from './network.js';
import { sample } from './pictures.js';
import { train } from './training.js';
import { call } from './engine.js';

let readAnew;
/** How many sample photos of each class are read. */
let reads = 0;

/** Makes sure that this many sample photos of each class are read. */
async function withSamples(each) {
  if (reads === each) return;
  // Small batches, so that there are steps enough with few photos.
  part('batch').value = 8;
  await sample(each);
  await readAnew();
  reads = each;
}

const accuracy = report => percent(report.validation.metrics.accuracy);
const relative = ({ distance, start }) => (start > 0 ? distance / start : 0);

/** How far the stages of the body and the head have moved, in lines. */
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

const steps = [
  {
    question: 'What does freezing do?',
    text: 'A frozen group does not learn, so what it computes for a picture is computed once and kept. Train the head alone, and look at how far each stage has moved.',
    command: 'defrost train photos --epochs 0',
    python: 'learn.freeze(); learn.train(0)',
    buttons: {
      async 'Train the head of a frozen network'() {
        await withSamples(20);
        await network.setControls({});
        results.head = await train(network.wanted('head'));
        return `Accuracy ${accuracy(results.head)}. ${moved(results.head)}`;
      },
    },
  },
  {
    question: 'What does unfreezing do?',
    text: 'An unfrozen (thawed) group learns again, at a lower rate the nearer it is to the input. Each picture now goes through all of it in every epoch, which is slower by far.',
    command: 'defrost train photos --epochs 1',
    python: 'learn.unfreeze(); learn.train(1)',
    buttons: {
      async 'Thaw everything'() {
        await withSamples(20);
        await network.setControls({ epochs: 1 });
        results.thawed = await train(network.wanted('thaw'));
        return `Accuracy ${accuracy(results.thawed)}. ${moved(results.thawed)}\n${results.thawed.decision.reason}.`;
      },
    },
  },
  {
    question: 'What does freeze_to(n) do?',
    text: 'It freezes the groups before position n and thaws the rest. The slider below is n: here it stands at 1.',
    command: 'defrost train photos --thaw 1,2 --epochs 1',
    python: 'learn.freeze_to(1)',
    buttons: {
      async 'Set freeze_to to 1 and thaw'() {
        await withSamples(20);
        await network.setControls({ freezeTo: 1, epochs: 1 });
        results.partly = await train(network.wanted('thaw'));
        return `Accuracy ${accuracy(results.partly)}. ${moved(results.partly)}\n${results.partly.decision.reason}.`;
      },
    },
  },
  {
    question: 'What is the default, and why is the head first?',
    text: 'A new head knows nothing. Thawed from the start, its errors reach the body and drag features that were good. So the default finds the best head first and thaws then. Train both together, and compare how far the body has moved.',
    command: 'defrost train photos --freeze-to 0 --epochs 1 --lr 2e-3',
    python: 'learn.freeze_to(0); learn.fit_one_cycle(1, 2e-3)',
    buttons: {
      async 'Train thawed from the start'() {
        await withSamples(20);
        await network.setControls({ epochs: 1, rates: [2e-3] });
        results.dragged = await train(network.wanted('from_start'));
        const before = results.thawed ? `\nAfter the head came first, it was ${accuracy(results.thawed)}: ${moved(results.thawed)}` : '\nStep 2 does the same with the head first.';
        return `Accuracy ${accuracy(results.dragged)}. ${moved(results.dragged)}${before}`;
      },
    },
  },
  {
    question: 'When should I freeze, and when unfreeze?',
    text: 'With few pictures of a class, a thawed body memorises them, so freezing is better; with many, thawing gains. The default measures both on the validation pictures and keeps the better one.',
    command: 'defrost advise photos',
    python: 'learn.advise()',
    buttons: {
      async 'Thaw with 6 pictures of each class'() {
        await withSamples(6);
        await network.setControls({ epochs: 1 });
        const report = await train(network.wanted('thaw'));
        return `${report.about.train} pictures: ${report.decision.reason}.`;
      },
      async 'Thaw with 20 pictures of each class'() {
        await withSamples(20);
        await network.setControls({ epochs: 1 });
        const report = await train(network.wanted('thaw'));
        return `${report.about.train} pictures: ${report.decision.reason}.`;
      },
    },
  },
  {
    question: 'Which learning rates?',
    text: 'Each group has its own, the highest for the head: groups nearer the input know what most pictures share and get less. The handles below set them. Here the first group gets a hundredth of the head\'s rate, as in fastai.',
    command: 'defrost train photos --epochs 1 --lr 2e-5..2e-3',
    python: 'learn.train(1, lr="2e-5..2e-3")',
    buttons: {
      async 'Thaw at discriminative rates'() {
        await withSamples(20);
        await network.setControls({ epochs: 1, rates: [2e-5, 2e-4, 2e-3] });
        const report = await train(network.wanted('thaw'));
        const body = report.movements.slice(0, -1).map(one => `${one.stage} ${(100 * relative(one)).toFixed(2)} %`);
        return `Accuracy ${accuracy(report)}. Moved, from the input on: ${body.join(', ')}.`;
      },
    },
  },
  {
    question: 'What about other kinds of models?',
    text: 'Freezing is the same for every network that is a list of layer groups. A text network has its embeddings, its blocks and its head; a table\'s network is new, so nothing of it is frozen. Train a small table here, and see that every group of its plan learns.',
    command: 'defrost train people.csv --label-column group',
    python: 'learn = tabular_learner("people.csv", label_column="group"); learn.train()',
    buttons: {
      async 'Train a table of 240 rows'() {
        const { svg, rows, accuracy: found, seconds } = await call('table');
        const figure = make('figure');
        network.draw(figure, svg);
        this.after(figure);
        return `${rows} rows in ${seconds.toFixed(1)} s: accuracy ${percent(found)}. There was nothing to freeze: no block of the drawing is hatched.`;
      },
    },
  },
];

/** A step as an item of the list. */
function item({ question, text, command, python, buttons }, number) {
  const result = make('p', { role: 'status' });
  const wrong = make('p', { role: 'alert' });
  const all = Object.entries(buttons).map(([label, run]) => {
    const button = make('button', { type: 'button', textContent: label });
    button.onclick = async () => {
      document.querySelectorAll('#lesson button').forEach(other => { other.disabled = true; });
      say(wrong, '');
      say(result, 'Training; the progress is below under 3.');
      try {
        say(result, await run.call(result));
      } catch (error) {
        say(result, '');
        say(wrong, error.message);
      }
      document.querySelectorAll('#lesson button').forEach(other => { other.disabled = false; });
      button.focus();
    };
    return button;
  });
  return make('li', {}, make('details', { open: number === 0 }, make('summary', { textContent: question }), make('p', { textContent: text }),
    make('p', { className: 'buttons' }, ...all), wrong, result, make('pre', { textContent: `${command}\n${python}`, tabIndex: 0 })));
}

/** Shows the steps. */
export function connect(actions) {
  ({ readAnew } = actions);
  part('lesson').replaceChildren(...steps.map(item));
  // Reading other pictures leaves the lesson's.
  part('read').addEventListener('click', () => { reads = 0; });
}
