// The library, in a thread of its own: answers requests in order, and trains a little at a time in between.
//
// A message is `{ id, call, args }`; the answer is `{ id, value }` or `{ id, error }`. While it trains it tells `{ event, ... }`.
import init, { Model, Playground, inWords, listFiles, pack, putFile, removeFiles, sections, takeFile, trainTable, version } from './defrost.js';
import { forget, get, keep, names } from './store.js';

const WEIGHTS = '/efficientnet_lite0.safetensors';
const PHOTOS = '/photos';
const CHECKPOINT = '/checkpoint';
/** How long it trains before it looks for messages, in milliseconds; a batch is never cut. */
const PART = 60;

let panic;
self.defrostPanicked = text => { panic = text; };
self.defrostAdvising = (doing, used, passes) => postMessage({ event: 'advising', doing, used, passes });

let playground, model, memory;
/** Whether a run is not over, and whether it waits. */
let running = false, paused = false;
let request;
/** Trainings that were over so far; each is a packed run under its number. */
let runs = 0;

const tell = (event, more) => postMessage({ event, ...more });
const list = folder => JSON.parse(listFiles(folder));

/** What went wrong, in words for people. After a panic the library can't go on, and a new worker has to. */
function worded(error) {
  if (panic === undefined) return error.message;
  const again = 'Load the page again; an unfinished training continues from its last checkpoint';
  return /memory|capacity/i.test(panic)
    ? `the browser has not enough memory for this. ${again}; then choose smaller pictures or fewer in a batch under Settings, or use fewer pictures (${panic})`
    : `${panic}. ${again}`;
}

/** Keeps the checkpoint for the next visit, if it is a new one. */
let kept = '';
async function keepCheckpoint() {
  const files = list(CHECKPOINT);
  const now = JSON.stringify(files);
  // A file's name is never used for other bytes, except the manifest's, which is newer where any other file is.
  if (now === kept || !files.some(([name]) => name.endsWith('checkpoint.json'))) return;
  const before = new Set(await names('checkpoint/'));
  const key = name => name.replace(/^\/?/, '');
  const fresh = files.filter(([name]) => name.endsWith('.json') || !before.has(key(name)));
  fresh.forEach(([name]) => before.delete(key(name)));
  files.forEach(([name]) => before.delete(key(name)));
  await keep(fresh.map(([name]) => [key(name), takeFile(name)]), [...before]);
  kept = now;
  tell('kept');
}

const turn = () => new Promise(resolve => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = resolve;
  port2.postMessage(null);
});

/** Keeps it if the browser has room; if not, the training goes on and can't be resumed. */
async function tryToKeep() {
  try {
    await keepCheckpoint();
  } catch (error) {
    if (kept !== undefined) tell('unkept', { error: error.message });
    kept = undefined;
  }
}

/** Trains until the run is over or is to wait. */
let trains = false;
async function train() {
  if (trains) return;
  trains = true;
  let drawn = -1;
  try {
    while (running && !paused) {
      const progress = JSON.parse(playground.goOn(PART));
      const epochs = progress.events.filter(({ kind }) => kind === 'epoch' || kind === 'phase').length;
      const news = { progress, memory: memory.buffer.byteLength };
      if (progress.events.some(({ kind }) => kind === 'batch')) news.losses = playground.losses();
      if (epochs > 0 || drawn < 0) {
        news.sections = playground.sections();
        drawn = epochs;
      }
      tell('progress', news);
      if (kept !== undefined) await tryToKeep();
      if (progress.over) running = false;
      await turn();
    }
    if (!running) await finish();
  } catch (error) {
    running = false;
    tell('failed', { error: worded(error) });
  }
  trains = false;
}

/** Saves the run that is over, and answers by it from now on. */
async function finish() {
  runs += 1;
  const folder = `/runs/${runs}`;
  const html = playground.save(folder);
  pack(folder, `/packed/${runs}`);
  const { report } = JSON.parse(new TextDecoder().decode(takeFile(`${folder}/report.json`)));
  removeFiles(folder);
  await forget('checkpoint/').catch(() => {});
  openRun(`/packed/${runs}`);
  tell('over', { number: runs, sections: html, request, report });
}

function openRun(run) {
  model?.free();
  model = Model.open(run);
  return JSON.parse(model.about());
}

const calls = {
  /** Fetches nothing: it is given the module and the weights. */
  async start({ code, weights }) {
    ({ memory } = await init({ module_or_path: code }));
    if (weights) putFile(WEIGHTS, new Uint8Array(weights));
    return { version: version() };
  },

  /** Takes these files, `[[name, bytes]]`, in place of those that were there. */
  async photos(files) {
    removeFiles(PHOTOS);
    files.forEach(([name, bytes]) => putFile(`${PHOTOS}/${name}`, bytes));
  },

  /** Reads the pictures and sets up the network. */
  async open(settings) {
    playground?.free();
    playground = undefined;
    playground = Playground.open(PHOTOS, WEIGHTS, JSON.stringify(settings));
    return { ...JSON.parse(playground.about()), batch: playground.batch() };
  },

  async plan(wanted) {
    return JSON.parse(playground.plan(JSON.stringify(wanted)));
  },

  /** The command and the Python lines of a training; of many at once. */
  async inWords({ groups, all }) {
    return all.map(({ settings, request }) => JSON.parse(inWords(JSON.stringify(settings), JSON.stringify(request), groups)));
  },

  /** Measures what to freeze. It hears nothing else meanwhile: a worker of its own does it. */
  async advise({ wanted, passes }) {
    return JSON.parse(playground.advise(JSON.stringify(wanted), passes));
  },

  async begin(wanted) {
    request = wanted;
    removeFiles(CHECKPOINT);
    await forget('checkpoint/').catch(() => {});
    [running, paused, kept] = [true, false, ''];
    playground.begin(JSON.stringify(wanted), CHECKPOINT);
    train();
  },

  /** Goes on from the checkpoint of an earlier visit. */
  async resume() {
    removeFiles(CHECKPOINT);
    for (const name of await names('checkpoint/')) putFile(`/${name}`, await get(name));
    const manifest = JSON.parse(new TextDecoder().decode(takeFile(`${CHECKPOINT}/checkpoint.json`)));
    request = JSON.parse(manifest.run.note);
    playground.resume(CHECKPOINT);
    [running, paused, kept] = [true, false, ''];
    train();
    return request;
  },

  async pause() { paused = true; },
  async proceed() {
    if (!paused) return;
    paused = false;
    train();
  },

  /** Ends the run after this batch; what was best is kept. */
  async stop() {
    playground.endEarly();
    await calls.proceed();
  },

  /** A packed run of this visit. */
  async packed(number) {
    return takeFile(`/packed/${number}`);
  },

  /** A run of this visit as an ONNX file. */
  async onnx(number) {
    const run = Model.open(`/packed/${number}`);
    try {
      run.writeOnnx('/onnx/photos.onnx');
      return takeFile('/onnx/photos.onnx');
    } finally {
      run.free();
      removeFiles('/onnx');
    }
  },

  /** Answers by an earlier run of this visit. */
  async back(number) {
    openRun(`/packed/${number}`);
    return sections(`/packed/${number}`);
  },

  /** Forgets a run of this visit, or all of them. */
  async forgetRun(number) {
    removeFiles(number === undefined ? '/packed' : `/packed/${number}`);
  },

  /** Takes a run in one file, and answers by it. */
  async load({ name, bytes }) {
    putFile(`/loaded/${name}`, bytes);
    try {
      return { ...openRun(`/loaded/${name}`), sections: sections(`/loaded/${name}`) };
    } finally {
      removeFiles('/loaded');
    }
  },

  async predict(bytes) {
    return JSON.parse(model.predict(bytes));
  },

  async explain(bytes) {
    const seen = model.explain(bytes);
    const { heat, fraction } = seen;
    const answer = JSON.parse(seen.answer);
    seen.free();
    return { ...answer, heat, fraction };
  },

  /** Trains a table of people whose group follows from their age and their hours. */
  async table() {
    const rows = Array.from({ length: 240 }, (_, row) => {
      const [age, hours, town] = [20 + row * 7 % 50, row * 31 % 11, ['Ulm', 'Bonn', 'Kiel'][row % 3]];
      return `${age},${town},${hours},${age + 3 * hours > 58 ? 'older' : 'younger'}`;
    });
    putFile('/people.csv', new TextEncoder().encode(`age,town,hours,group\n${rows.join('\n')}\n`));
    return JSON.parse(trainTable('/people.csv', 'group'));
  },

  async memory() { return memory.buffer.byteLength; },
};

let last = Promise.resolve();
self.onmessage = ({ data: { id, call, args } }) => {
  const answer = async () => {
    try {
      postMessage({ id, value: await calls[call](args) });
    } catch (error) {
      postMessage({ id, error: worded(error) });
    }
  };
  last = last.then(answer);
};
