// The worker that holds the library, and asking it for things.

/** A worker with the library in it; an event target for what it tells while it computes. */
class Engine extends EventTarget {
  /** Calls without an answer, oldest first. */
  waiting = new Map();
  count = 0;

  constructor() {
    super();
    this.open();
  }

  open() {
    // In a page of one file it is no module.
    const inside = globalThis.defrostModules?.['worker.js'];
    this.worker = inside ? new Worker(inside) : new Worker('worker.js', { type: 'module' });
    this.worker.onmessage = ({ data }) => this.listen(data);
    this.worker.onerror = ({ message }) => this.fail(message ?? 'the worker could not be loaded');
  }

  listen(data) {
    const { id, value, error, event } = data;
    if (event) return this.dispatchEvent(new CustomEvent(event, { detail: data }));
    const { resolve, reject } = this.waiting.get(id);
    this.waiting.delete(id);
    return error === undefined ? resolve(value) : reject(new Error(error));
  }

  fail(text) {
    this.waiting.forEach(({ reject }) => reject(new Error(text)));
    this.waiting.clear();
  }

  /** Asks for something; the answer, or an error in words for people. */
  call(name, args) {
    this.count += 1;
    return new Promise((resolve, reject) => this.post({ message: { id: this.count, call: name, args }, resolve, reject }));
  }

  post(request) {
    this.waiting.set(request.message.id, request);
    this.worker.postMessage(request.message);
  }

  /** Ends at once what it does now: that call fails with this text. A new worker makes these calls, `[[name, args]]`, then those that waited. */
  async restart(text, calls) {
    // What it has said already may still be on its way.
    this.worker.onmessage = null;
    this.worker.terminate();
    const [ended, ...later] = this.waiting.values();
    this.waiting.clear();
    this.open();
    const made = Promise.all(calls.map(([name, args]) => this.call(name, args)));
    later.forEach(request => this.post(request));
    ended?.reject(new Error(text));
    await made;
  }
}

/** What the worker starts with: the compiled library, and the pretrained weights if they are wanted. */
export async function library(weights) {
  const [code, body] = await Promise.all([resource('defrost_bg.wasm'), weights && resource(weights)]);
  return { code, weights: body };
}

/** The bytes of a file of the page: inside of it, or beside it. */
export async function resource(name) {
  const inside = document.getElementById(`file:${name}`);
  if (inside) return Uint8Array.from(atob(inside.textContent.trim()), letter => letter.charCodeAt(0)).buffer;
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name} can't be loaded: ${response.status} ${response.statusText}`);
  return response.arrayBuffer();
}

/** The page's worker; it tells the events of training, by the worker's names. */
export const engine = new Engine();
export const call = (name, args) => engine.call(name, args);
