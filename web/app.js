// The playground: pictures, the network, training and trying, in this order; and going on after the tab was closed.
import * as advice from './advice.js';
import { answering } from './answer.js';
import { call, library } from './engine.js';
import * as lesson from './lesson.js';
import * as network from './network.js';
import { make, onChoice, part, say, stayOffline } from './page.js';
import * as pictures from './pictures.js';
import { forget, names } from './store.js';
import * as training from './training.js';

const WEIGHTS = 'efficientnet_lite0.safetensors';
const FILES = ['./', 'app.js', 'advice.js', 'answer.js', 'engine.js', 'lesson.js', 'network.js', 'page.js', 'pictures.js', 'training.js', 'store.js', 'zip.js', 'worker.js',
  'defrost.js', 'defrost_bg.wasm', WEIGHTS, 'samples.zip', 'report.css', 'style.css'];

/** The settings as the library takes them. */
function settings() {
  return { size: Number(part('size').value), batch: Number(part('batch').value), seed: Number(part('seed').value) || 0, groups: part('groups').value || null,
    cut: part('cut').value || null };
}

function showSettings({ size, batch, seed, groups, cut }) {
  part('size').value = size;
  part('batch').value = batch;
  part('seed').value = seed;
  part('groups').value = groups ?? '';
  network.chooseCut(cut ?? '');
}

const list = texts => texts.map(text => make('li', { textContent: text }));

function showSplit({ classes, train, valid, left_out, notes, batch }) {
  part('split').hidden = false;
  part('split-rows').replaceChildren(...classes.map((name, at) => make('tr', {},
    make('th', { scope: 'row', className: 'text', textContent: name }), make('td', { textContent: train[at] }), make('td', { textContent: valid[at] }))));
  part('notes').replaceChildren(...list(notes));
  part('left-out').hidden = left_out.length === 0;
  part('left-out').open = left_out.length > 0;
  say(part('left-out').querySelector('summary'), `${left_out.length} ${left_out.length === 1 ? 'problem' : 'problems'} with the files`);
  part('left-out').querySelector('ul').replaceChildren(...list(left_out.map(({ path, reason }) => `${path.replace(/^\/photos\//, '')}: ${reason}`)));
  part('first-batch').querySelector('img').src = URL.createObjectURL(new Blob([batch], { type: 'image/png' }));
}

/** The pictures and settings of the network on the page. */
let setUp;

/** Reads the pictures and sets up the network. */
export async function read() {
  say(part('picture-trouble'), '');
  part('read').disabled = true;
  say(part('engine'), 'Reading the pictures…');
  try {
    const wanted = settings();
    const each = wanted.groups === 'stages';
    setUp = { photos: pictures.all(), settings: { ...wanted, groups: each ? null : wanted.groups } };
    await call('photos', setUp.photos);
    let about = await call('open', setUp.settings);
    // The network says what its stages are.
    const stages = about.groups.flatMap(group => group.stages);
    if (each) {
      setUp.settings.groups = stages.join('|');
      about = await call('open', setUp.settings);
    }
    // Without the first, of which nothing would be left, and the head.
    if (!wanted.cut) network.offerCuts(stages.slice(1, -1));
    showSplit(about);
    await network.showNetwork(about);
    say(part('engine'), `${about.architecture}, ${about.size} pixels: ready.`);
    return about;
  } catch (error) {
    say(part('picture-trouble'), error.message);
    say(part('engine'), 'The pictures can\'t be used as they are.');
    throw error;
  } finally {
    part('read').disabled = false;
  }
}

/** Other pictures need another network, and make the trainings so far meaningless. */
async function readAnew() {
  training.forgetRuns();
  await forget('checkpoint/').catch(() => {});
  part('try').hidden = part('advised').hidden = true;
  // Without room for the pictures there is no going on after the tab was closed; all else works.
  await pictures.store(settings()).catch(error => say(part('engine'), error.message));
  return read();
}

/** The calls that bring a new worker to where this one is. */
async function again() {
  const calls = [['start', await library(WEIGHTS)], ['photos', setUp.photos], ['open', setUp.settings]];
  return training.answers ? [...calls, ['load', training.answers]] : calls;
}

answering(part('ask'), () => !part('try').hidden && document.activeElement?.closest('#try'));

function showTry() {
  part('try').hidden = training.runs.length === 0;
}

async function goOn() {
  part('again').hidden = true;
  try {
    showSettings(await pictures.restore());
    await read();
    await training.resume();
  } catch (error) {
    say(part('trouble'), error.message);
  }
}

async function main() {
  pictures.connect(() => { part('network').hidden = part('training').hidden = part('split').hidden = true; });
  network.connect();
  training.connect(showTry);
  part('read').onclick = () => readAnew().catch(() => {});
  part('go-on').onclick = goOn;
  part('forget').onclick = async () => {
    await forget('checkpoint/');
    part('again').hidden = true;
  };
  onChoice(part('load'), async ([file]) => {
    try {
      const about = await training.answerBy({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) });
      part('try').hidden = false;
      say(part('engine'), `${file.name}: ${about.architecture}, ${about.classes.length} classes. Try it below.`);
      part('try').scrollIntoView();
    } catch (error) {
      say(part('engine'), `${file.name}: ${error.message}`);
    }
  });
  lesson.connect({ readAnew, settings });
  advice.connect({ cut: () => setUp.settings.cut, again });
  try {
    const { version } = await call('start', await library(WEIGHTS));
    say(part('engine'), `defrost ${version}: ready.`);
    await lesson.describe();
    document.documentElement.dataset.ready = 'true';
    stayOffline(FILES);
  } catch (error) {
    say(part('engine'), `The network can't be loaded: ${error.message}. The page has to come from a server, such as python3 -m http.server; a file alone won't do.`);
    return;
  }
  const kept = await names('checkpoint/').catch(() => []);
  part('again').hidden = !kept.some(name => name.endsWith('checkpoint.json'));
}

main();
