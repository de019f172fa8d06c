// Trains on the sample photos in Node with what a page's worker calls: `node engine.mjs DIST`; SIZE
// is that of the pictures. It says how long that takes.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';

const [dist] = process.argv.slice(2);
globalThis.defrostPanicked = text => { throw new Error(text); };
const api = await import(`${dist}/defrost.js`);
const { memory } = await api.default({ module_or_path: readFileSync(`${dist}/defrost_bg.wasm`) });
const photos = new URL('../../samples/clothing/', import.meta.url);
const size = Number(process.env.SIZE ?? 64);

api.putFile('/efficientnet_lite0.safetensors', readFileSync(`${dist}/efficientnet_lite0.safetensors`));
const names = ['dress', 'shorts', 'skirt'].flatMap(name => readdirSync(new URL(name, photos)).map(file => `${name}/${file}`));
names.forEach(name => api.putFile(`/photos/${name}`, readFileSync(new URL(name, photos))));
api.putFile('/photos/dress/broken.jpg', readFileSync(new URL(names[0], photos)).subarray(0, 3000));
api.putFile('/photos/dress/notes.txt', new TextEncoder().encode('no picture'));

const started = performance.now();
const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
const settings = { size, batch: 32, seed: 42, groups: null };
let playground = api.Playground.open('/photos', '/efficientnet_lite0.safetensors', JSON.stringify(settings));
const about = JSON.parse(playground.about());
console.log(`${seconds()} s: read`, about.train, about.valid, about.groups.map(({ name, params }) => `${name} ${params}`), about.notes);
const leftOut = about.left_out.map(({ path, reason }) => `${path}: ${reason}`).join('\n');
assert.match(leftOut, /broken\.jpg: .*JPEG/);
assert.match(leftOut, /notes\.txt/);
assert.deepEqual(about.train.map((count, at) => count + about.valid[at]), [20, 20, 20]);

function train(request, stopAt = Infinity) {
  const began = performance.now();
  playground.begin(JSON.stringify(request), '/checkpoint');
  const events = [];
  let longest = 0, parts = 0, from;
  do {
    from = performance.now();
    const progress = JSON.parse(playground.goOn(50));
    longest = Math.max(longest, performance.now() - from);
    parts += 1;
    events.push(...progress.events);
    if (events.filter(({ kind }) => kind === 'batch').length >= stopAt) return events;
    if (progress.over) break;
  } while (true);
  const last = performance.now();
  const html = playground.save('/run');
  assert.match(html, /<section/);
  console.log(`${request.kind}: ${((last - began) / 1000).toFixed(1)} s in ${parts} parts, the longest ${(longest / 1000).toFixed(1)} s; saving ${((performance.now() - last) / 1000).toFixed(1)} s; ${(memory.buffer.byteLength / 2 ** 20).toFixed()} MiB`);
  return events;
}

const bytes = name => readFileSync(new URL(name, photos));
const weights = () => api.takeFile('/run/model.safetensors');
const accuracy = events => events.filter(({ kind }) => kind === 'epoch').map(({ record }) => record.metrics.accuracy);

const thaw = { kind: 'thaw', epochs: 2, freeze_to: 0, rates: null };
globalThis.defrostAdvising = () => {};
/** Its sentences and numbers, without the seconds. */
const advice = () => JSON.parse(playground.advise(JSON.stringify(thaw), 300)).section.replace(/[\d.]+ s\b/g, '');
const before = advice();

console.log('head', accuracy(train({ kind: 'head', epochs: 0, freeze_to: 0, rates: null })));
console.log(JSON.parse(playground.plan(JSON.stringify(thaw))).command);
console.log('thaw', accuracy(train(thaw)));
const whole = weights();
assert.equal(advice(), before, 'an advice follows from the pictures, not from what was trained before it');

// A tab that is closed in the middle: another session goes on with the checkpoint and ends with the same bytes.
playground.begin(JSON.stringify(thaw), '/checkpoint');
do {
  assert.ok(!JSON.parse(playground.goOn(0)).over, 'no checkpoint was written');
} while (!JSON.parse(api.listFiles('/checkpoint')).some(([name]) => name.endsWith('checkpoint.json')));
const checkpoint = JSON.parse(api.listFiles('/checkpoint')).map(([name]) => [name, api.takeFile(name)]);
playground.free();
api.removeFiles('/checkpoint');
playground = api.Playground.open('/photos', '/efficientnet_lite0.safetensors', JSON.stringify(settings));
checkpoint.forEach(([name, bytes]) => api.putFile(name, bytes));
playground.resume('/checkpoint');
while (!JSON.parse(playground.goOn(50)).over);
playground.save('/run');
assert.deepEqual(weights(), whole, 'a run that was resumed ends with other bytes');

const model = api.Model.open('/run');
const from = performance.now();
const answers = names.map(name => [name, JSON.parse(model.predict(bytes(name))).probabilities]);
console.log(`predict: ${((performance.now() - from) / names.length).toFixed()} ms a picture`);
const seen = model.explain(bytes(names[0]));
assert.ok(seen.heat.length > 100 && seen.fraction > 0 && seen.fraction <= 1);
assert.ok(answers.every(([, all]) => Math.abs(all.reduce((a, b) => a + b) - 1) < 1e-5));
assert.throws(() => model.predict(new Uint8Array(9)), /./);
console.log(`${seconds()} s: good`);
