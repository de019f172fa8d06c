// Of a page in one file: makes modules of the texts in it, each after those that it imports, and begins with the last.
const names = ['store.js', 'defrost.js', 'worker.js', 'page.js', 'engine.js', 'answer.js', 'model.js'];
const urls = {};
for (const name of names) {
  const text = document.getElementById(`module:${name}`).textContent.replace(/from '\.\/([\w.]+)'/g, (_, other) => `from '${urls[other]}'`);
  urls[name] = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
}
globalThis.defrostModules = urls;
import(urls['model.js']);
