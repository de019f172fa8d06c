// Runs in_a_page.wasm in Node: node in_a_page.mjs FILE. In a page wasm-bindgen makes what stands here by hand, the few functions of
// JavaScript that clocks and random numbers call.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

// Values that Rust holds are numbers to it.
const FIRST = 5000;
const values = [];
const keep = value => FIRST + values.push(value) - 1;
const get = number => values[number - FIRST];

const functions = {
  // All of them are kept for ever.
  externref_statics_end: () => 2 ** 31 - 1,
  getRandomValues: (start, length) => crypto.getRandomValues(new Uint8Array(page.memory.buffer, start, length)),
  static_accessor: () => keep(globalThis),
  performance: number => keep(get(number).performance),
  now: number => get(number).now(),
  is_undefined: number => get(number) === undefined,
};

const module = await WebAssembly.compile(await readFile(process.argv[2]));
const imports = {};
for (const { module: from, name } of WebAssembly.Module.imports(module)) {
  const known = Object.keys(functions).find(known => `${name}_`.includes(`_${known}_`));
  const unknown = () => { throw new Error(`${name} is called, and is not there`); };
  (imports[from] ??= {})[name] = known ? functions[known] : unknown;
}
const { exports: page } = await WebAssembly.instantiate(module, imports);

function wrong() {
  const bytes = [];
  for (let byte; (byte = page.wrong(bytes.length)) !== 0;) bytes.push(byte);
  return Buffer.from(bytes).toString() || 'nothing was said';
}

let count;
try {
  count = page.train();
} catch (error) {
  throw new Error(wrong(), { cause: error });
}
assert.equal(count, 4, wrong());
const [before, after, ...probabilities] = Array.from({ length: count }, (_, place) => page.found(place));
console.log({ before, after, probabilities });
assert.ok(Number.isFinite(before) && after < before, 'a step lowers the loss');
assert.ok(probabilities.every(one => one >= 0 && one <= 1));
assert.ok(Math.abs(probabilities[0] + probabilities[1] - 1) < 1e-5, 'probabilities add up to 1');
