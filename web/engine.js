// The workers that hold the library, and asking them for things.

/** A worker with the library in it; an event target for what it tells while it trains. */
export class Engine extends EventTarget {
  waiting = new Map();
  count = 0;

  constructor() {
    super();
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
  call(name, args, transfer = []) {
    this.count += 1;
    return new Promise((resolve, reject) => {
      this.waiting.set(this.count, { resolve, reject });
      this.worker.postMessage({ id: this.count, call: name, args }, transfer);
    });
  }

  /** Gives it the compiled library, and the pretrained weights if they are wanted. */
  async start(weights) {
    const [code, body] = await Promise.all([resource('defrost_bg.wasm'), weights && resource(weights)]);
    return this.call('start', { code, weights: body }, body ? [code, body] : [code]);
  }

  /** Ends it at once, whatever it does; pending calls fail with this text. */
  end(text) {
    this.worker.terminate();
    this.fail(text);
  }
}

/** The bytes of a file of the page: inside of it, or beside it. */
export async function resource(name) {
  const inside = document.getElementById(`file:${name}`);
  if (inside) return Uint8Array.from(atob(inside.textContent.trim()), letter => letter.charCodeAt(0)).buffer;
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name} can't be loaded: ${response.status} ${response.statusText}`);
  return response.arrayBuffer();
}

/** The page's own worker; it tells the events of training, by the worker's names. */
export const engine = new Engine();
export const call = (name, args) => engine.call(name, args);
