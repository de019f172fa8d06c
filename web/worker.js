// The library, in a thread of its own: answers requests in order, and trains a little at a time in between.
//
// A message is `{ id, call, args }`; the answer is `{ id, value }` or `{ id, error }`. While it trains it tells `{ event, ... }`.
import init, { Model, Playground, inWords, listFiles, pack, putFile, removeFiles, sections, takeFile, trainTable, version } from './defrost.js';
import { forget, get, keep, names } from './store.js';

const WEIGHTS = '/efficientnet_lite0.safetensors';
const PHOTOS = '/photos';
const CHECKPOINT = '/checkpoint';
const RUN = '/run';
const PACKED = '/packed';
/** How long it trains before it looks for messages, in milliseconds; a batch is never cut. */
const PART = 60;

let panic;
self.defrostPanicked = text => { panic = text; };
self.defrostAdvising = (doing, used, passes) => postMessage({ event: 'advising', doing, used, passes });

let playground, model, memory;
/** Whether a run is not over, and whether it waits. */
let running = false, paused = false;
let request;

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

/** Hands over the run that is over, packed, and answers by it from now on. */
async function finish() {
  const html = playground.save(RUN);
  pack(RUN, `${PACKED}/run`);
  const { report } = JSON.parse(new TextDecoder().decode(takeFile(`${RUN}/report.json`)));
  const run = { name: 'photos.defrost', bytes: takeFile(`${PACKED}/run`) };
  removeFiles(RUN);
  removeFiles(PACKED);
  await forget('checkpoint/').catch(() => {});
  answerBy(run);
  tell('over', { run, sections: html, request, report });
}

/** Does something with a packed run, which is a file for that time. */
function withRun({ name, bytes }, act) {
  const file = `${PACKED}/${name}`;
  putFile(file, bytes);
  try {
    return act(file);
  } finally {
    removeFiles(PACKED);
  }
}

/** Answers by this packed run from now on. */
function answerBy(run) {
  return withRun(run, file => {
    const opened = Model.open(file);
    model?.free();
    model = opened;
    return { ...JSON.parse(model.about()), sections: sections(file) };
  });
}

const calls = {
  /** Fetches nothing: it is given the module and the weights. */
  async start({ code, weights }) {
    ({ memory } = await init({ module_or_path: code }));
    if (weights) putFile(WEIGHTS, new Uint8Array(weights));
    return { version: version() };
  },

  /** Takes these files, `[[name, blob]]`, in place of those that were there. */
  async photos(files) {
    removeFiles(PHOTOS);
    for (const [name, blob] of files) putFile(`${PHOTOS}/${name}`, new Uint8Array(await blob.arrayBuffer()));
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

  /** Measures what to freeze. It hears nothing else meanwhile. */
  async advise({ wanted, passes }) {
    return { ...JSON.parse(playground.advise(JSON.stringify(wanted), passes)), memory: memory.buffer.byteLength };
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

  /** A packed run as an ONNX file. */
  async onnx(run) {
    const network = withRun(run, Model.open);
    try {
      network.writeOnnx('/photos.onnx');
      return takeFile('/photos.onnx');
    } finally {
      network.free();
      removeFiles('/photos.onnx');
    }
  },

  /** Answers by this packed run from now on. */
  async load(run) {
    return answerBy(run);
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
