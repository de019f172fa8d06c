// Of a page in one file: makes modules of the texts in it, each after those that it imports, and begins with the last. A worker
// can't be such a module where the page comes from a disk, so its modules are put into one plain script.
const textOf = name => document.getElementById(`module:${name}`).textContent;

/** A module as a value: its exports. */
function wrapped(name) {
  const text = textOf(`${name}.js`);
  const names = [...text.matchAll(/^export (?:async )?(?:class|const|function|let) (\w+)/gm)].map(([, found]) => found);
  const [, listed = ''] = text.match(/^export \{ (.*) \};?$/m) ?? [];
  names.push(...listed.split(', ').filter(Boolean).map(one => one.replace(/^(\w+) as (\w+)$/, '$2: $1')));
  const body = text.replace(/^export \{.*\};?$/gm, '').replace(/^export /gm, '');
  return `const ${name} = (() => {\n${body}\nreturn { ${names.join(', ')} };\n})();\n`;
}

const asModule = text => URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
const worker = textOf('worker.js').replace(
  /^import (?:(\w+), )?\{ ([^}]*) \} from '\.\/(\w+)\.js';$/gm,
  (_, main, names, from) => `const { ${main ? `default: ${main}, ` : ''}${names} } = ${from};`);
const whole = (wrapped('store') + wrapped('defrost') + worker).replaceAll('import.meta.url', 'self.location.href');
const urls = { 'worker.js': asModule(whole) };
for (const name of ['page.js', 'engine.js', 'answer.js', 'model.js']) {
  urls[name] = asModule(textOf(name).replace(/from '\.\/([\w.]+)'/g, (_, other) => `from '${urls[other]}'`));
}
globalThis.defrostModules = urls;
import(urls['model.js']);
