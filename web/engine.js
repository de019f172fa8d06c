// The worker that holds the library, and asking it for things.

const waiting = new Map();
let worker, count = 0;
/** The events of training, by the worker's names. */
export const news = new EventTarget();

function listen({ data }) {
  const { id, value, error, event } = data;
  if (event) return news.dispatchEvent(new CustomEvent(event, { detail: data }));
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  return error === undefined ? resolve(value) : reject(new Error(error));
}

/** Asks for something; the answer, or an error in words for people. */
export function call(name, args, transfer = []) {
  count += 1;
  return new Promise((resolve, reject) => {
    waiting.set(count, { resolve, reject });
    worker.postMessage({ id: count, call: name, args }, transfer);
  });
}

/** The bytes of a file of the page: inside of it, or beside it. */
export async function resource(name) {
  const inside = document.getElementById(`file:${name}`);
  if (inside) return Uint8Array.from(atob(inside.textContent.trim()), letter => letter.charCodeAt(0)).buffer;
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name} can't be loaded: ${response.status} ${response.statusText}`);
  return response.arrayBuffer();
}

/** Starts the worker and gives it the compiled library, and the pretrained weights if they are wanted. */
export async function start(weights) {
  // In a page of one file it is no module.
  const inside = globalThis.defrostModules?.['worker.js'];
  worker = inside ? new Worker(inside) : new Worker('worker.js', { type: 'module' });
  worker.onmessage = listen;
  worker.onerror = ({ message }) => {
    waiting.forEach(({ reject }) => reject(new Error(message ?? 'the worker could not be loaded')));
    waiting.clear();
  };
  const [code, body] = await Promise.all([resource('defrost_bg.wasm'), weights && resource(weights)]);
  return call('start', { code, weights: body }, body ? [code, body] : [code]);
}
