// Compares exports with the answers beside them in onnxruntime-web, the engine of a page: WebAssembly, one thread.
//
//     npm install --prefix target/web onnxruntime-web
//     node bench/export_web.mjs target/web MODEL.onnx...
//
// Each model needs its MODEL.check.json. Prints the largest difference of each output; exit code 1 if one is more than is allowed.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [folder, ...models] = process.argv.slice(2);
const ort = createRequire(resolve(folder, "package.json"))("onnxruntime-web");
ort.env.wasm.numThreads = 1;

const kinds = { float32: Float32Array, float64: Float64Array, uint8: Uint8Array, int64: BigInt64Array };

function tensor({ type, shape, values }) {
  if (type === "string") return new ort.Tensor("string", values, shape);
  const number = type === "int64" ? BigInt : (value) => value ?? NaN;
  return new ort.Tensor(type, kinds[type].from(values, number), shape);
}

/** The largest difference; of texts and of yes and no, how many differ. */
function apart(expected, found) {
  if (expected.length !== found.length) return Infinity;
  const difference = (value, place) =>
    typeof value === "number" ? Math.abs(value - found[place]) : Number(value !== found[place] && Number(value) !== found[place]);
  const all = expected.map(difference);
  return typeof expected[0] === "number" ? Math.max(0, ...all) : all.reduce((sum, one) => sum + one, 0);
}

let differs = false;
for (const model of models) {
  const checks = JSON.parse(readFileSync(model.replace(/\.onnx$/, ".check.json"), "utf8"));
  const session = await ort.InferenceSession.create(readFileSync(model), { executionProviders: ["wasm"] });
  const largest = {};
  for (const { inputs, outputs } of checks.items) {
    const given = Object.fromEntries(Object.entries(inputs).map(([name, array]) => [name, tensor(array)]));
    const found = await session.run(given);
    for (const [name, { values }] of Object.entries(outputs)) {
      largest[name] = Math.max(largest[name] ?? 0, apart(values, Array.from(found[name].data)));
    }
  }
  for (const [name, difference] of Object.entries(largest)) differs ||= !(difference <= (checks.allowed[name] ?? 0));
  console.log(model, JSON.stringify(largest));
}
process.exit(differs ? 1 : 0);
