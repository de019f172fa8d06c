// Time of a picture in WebAssembly, one thread: a pass through EfficientNet-Lite0 in this library, preparation of the picture included,
// and one through MobileNetV2 (random weights, prepared input) in TensorFlow.js. Both at 224 pixels, a picture at a time.
//
//   web/build && npm i --prefix target/tfjs @tensorflow/tfjs-core @tensorflow/tfjs-layers @tensorflow/tfjs-backend-wasm
//   node bench/web.mjs
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const root = new URL('..', import.meta.url);
const PASSES = 30;
const dist = new URL('web/dist/', root);

/** The least and the median milliseconds of a pass. */
async function timed(pass) {
  for (let warm = 0; warm < 5; warm += 1) await pass();
  const times = [];
  for (let count = 0; count < PASSES; count += 1) {
    const started = performance.now();
    await pass();
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  return { least: times[0].toFixed(1), median: times[PASSES / 2].toFixed(1) };
}

globalThis.defrostPanicked = text => { throw new Error(text); };
const api = await import(new URL('defrost.js', dist));
await api.default({ module_or_path: readFileSync(new URL('defrost_bg.wasm', dist)) });
api.putFile('/weights.safetensors', readFileSync(new URL('efficientnet_lite0.safetensors', dist)));
const photo = name => readFileSync(new URL(`samples/clothing/${name}`, root));
for (const name of ['dress', 'skirt']) ['01', '02', '03', '04'].forEach(file => api.putFile(`/photos/${name}/${file}.jpg`, photo(`${name}/${file}.jpg`)));
const settings = { size: 224, batch: 8, seed: 42, groups: null };
const playground = api.Playground.open('/photos', '/weights.safetensors', JSON.stringify(settings));
playground.begin(JSON.stringify({ kind: 'head', epochs: 0, freeze_to: 0, lr: null }), '/checkpoint');
while (!JSON.parse(playground.goOn(1000)).over);
playground.save('/run');
const model = api.Model.open('/run');
const bytes = photo('dress/01.jpg');
console.log('defrost, EfficientNet-Lite0, 0.39 billion multiply-adds, a JPEG file:', await timed(() => model.predict(bytes)));

const require = createRequire(new URL('target/tfjs/', root));
const tf = { ...require('@tensorflow/tfjs-core'), ...require('@tensorflow/tfjs-layers') };
const wasm = require('@tensorflow/tfjs-backend-wasm');
wasm.setThreadsCount(1);
await tf.setBackend('wasm');
await tf.ready();

/** MobileNetV2 (arXiv 1801.04381): expansion, channels, repetitions and stride of each block. */
const BLOCKS = [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1]];
const conv = (x, filters, kernelSize, strides, isLast) => {
  const y = tf.layers.conv2d({ filters, kernelSize, strides, padding: 'same', useBias: true }).apply(x);
  return isLast ? y : tf.layers.reLU({ maxValue: 6 }).apply(y);
};
const input = tf.input({ shape: [224, 224, 3] });
let [x, channels] = [conv(input, 32, 3, 2), 32];
for (const [expansion, out, count, stride] of BLOCKS) {
  for (let block = 0; block < count; block += 1) {
    const strides = block === 0 ? stride : 1;
    let y = expansion > 1 ? conv(x, channels * expansion, 1, 1) : x;
    y = tf.layers.depthwiseConv2d({ kernelSize: 3, strides, padding: 'same', useBias: true }).apply(y);
    y = conv(tf.layers.reLU({ maxValue: 6 }).apply(y), out, 1, 1, true);
    x = strides === 1 && channels === out ? tf.layers.add().apply([x, y]) : y;
    channels = out;
  }
}
x = tf.layers.globalAveragePooling2d({}).apply(conv(x, 1280, 1, 1));
const network = tf.model({ inputs: input, outputs: tf.layers.dense({ units: 3, activation: 'softmax' }).apply(x) });
const image = tf.randomUniform([1, 224, 224, 3]);
console.log(`TensorFlow.js ${tf.version_core ?? ''}, MobileNetV2, 0.30 billion multiply-adds, a tensor:`, await timed(() => {
  const answer = network.predict(image);
  answer.dataSync();
  answer.dispose();
}));
