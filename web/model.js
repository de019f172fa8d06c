// The page of one trained network: it answers pictures, and trains nothing.
import { answering } from './answer.js';
import { call, library, resource } from './engine.js';
import { make, part, percent, say, stayOffline } from './page.js';

const FILES = ['./', 'model.js', 'answer.js', 'engine.js', 'page.js', 'worker.js', 'store.js', 'defrost.js', 'defrost_bg.wasm', 'report.css', 'style.css', 'icon.svg', 'model.webmanifest', 'run.defrost'];

async function main() {
  try {
    await call('start', await library());
    const { classes, architecture, size, accuracy } = await call('load', { name: 'run.defrost', bytes: new Uint8Array(await resource('run.defrost')) });
    const title = classes.length <= 4 ? classes.join(', ') : `${classes.slice(0, 3).join(', ')} and ${classes.length - 3} more`;
    document.title = title;
    say(part('title'), title);
    say(part('engine'), 'Drop a picture, or answer the camera.');
    say(part('about'), `${classes.length} classes, ${architecture} at ${size} pixels${accuracy ? `; ${percent(accuracy)} of the validation pictures were right after the last epoch` : ''}.`);
    part('known').replaceChildren(...classes.map(name => make('li', { textContent: name })));
    answering(part('ask'));
    document.documentElement.dataset.ready = 'true';
    stayOffline(FILES);
  } catch (error) {
    say(part('engine'), `The network can't be loaded: ${error.message}`);
  }
}

main();
