// The pictures that are collected, class by class, before they are read.
import { Camera, download, make, onChoice, onDrop, onPaste, part, say } from './page.js';
import { forget, get, keep } from './store.js';
import { unzip, zip } from './zip.js';

/** Thumbnails of a class that are shown. */
const SHOWN = 8;

/** Files by their paths: `class/name.jpg`, or `train/class/name.jpg`. */
const files = new Map();
let changed = () => {};

/** A path below the folder of all classes: what is dropped or chosen may be that folder itself, or class folders. */
function placed(paths) {
  const parts = paths.map(path => path.split('/'));
  const depth = Math.max(...parts.map(part => part.length));
  const tops = new Set(parts.map(([top]) => top));
  const isAround = depth > 2 && tops.size === 1;
  return parts.map(part => (isAround ? part.slice(1) : part).join('/'));
}

/** The class that a path is of: its folder. */
const classOf = path => path.split('/').slice(0, -1).pop();

/** Pictures of each class, in order of names. */
export function classes() {
  const found = new Map();
  for (const [path, blob] of files) {
    const name = classOf(path);
    found.set(name, [...(found.get(name) ?? []), [path, blob]]);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** All files, by path. */
export const all = () => [...files];
const bytes = () => Promise.all(all().map(async ([path, blob]) => [path, new Uint8Array(await blob.arrayBuffer())]));

let urls = [];
function show() {
  urls.forEach(URL.revokeObjectURL);
  urls = [];
  const found = classes();
  part('classes').replaceChildren(...[...found].map(([name, all]) => {
    const few = all.slice(0, SHOWN).map(([, blob]) => {
      const url = URL.createObjectURL(blob);
      urls.push(url);
      const image = make('img', { src: url, alt: '' });
      image.onerror = () => image.remove();
      return image;
    });
    const remove = make('button', { type: 'button', className: 'plain', textContent: 'Remove' });
    remove.setAttribute('aria-label', `Remove the class ${name}`);
    remove.onclick = () => set([...files].filter(([path]) => classOf(path) !== name));
    return make('li', {}, make('b', { textContent: name }), make('span', { className: 'quiet', textContent: `${all.length} ${all.length === 1 ? 'file' : 'files'}` }),
      make('span', { className: 'few' }, ...few), remove);
  }));
  const some = files.size > 0;
  part('read').disabled = found.size < 2;
  part('save-zip').disabled = part('clear').disabled = !some;
}

/** Takes these files in place of all. */
export function set(all) {
  files.clear();
  all.forEach(([path, blob]) => files.set(path, blob));
  show();
  changed();
}

function add(all) {
  const loose = all.filter(([path]) => !path.includes('/'));
  const inFolders = all.filter(([path]) => path.includes('/'));
  if (loose.length > 0) addTo(part('class').value.trim(), loose.map(([, file]) => file));
  const paths = placed(inFolders.map(([path]) => path));
  inFolders.forEach(([, file], at) => files.set(paths[at], file));
  show();
  changed();
}

/** Adds pictures to a class, each under a name of its own. */
function addTo(name, pictures) {
  if (!name || /[/\\]/.test(name)) {
    say(part('picture-trouble'), 'Name the class first, without slashes.');
    return;
  }
  say(part('picture-trouble'), '');
  for (const picture of pictures) {
    let path = `${name}/${picture.name ?? 'picture.png'}`;
    for (let number = 2; files.has(path); number += 1) {
      path = `${name}/${(picture.name ?? 'picture.png').replace(/(\.[^.]*)?$/, ` ${number}$1`)}`;
    }
    files.set(path, picture);
  }
  show();
  changed();
}

/** The sample photos, all or the first few of each class. */
export async function sample(most = Infinity) {
  const response = await fetch('samples.zip');
  if (!response.ok) throw new Error(`the sample photos can't be loaded: ${response.status}`);
  const all = unzip(new Uint8Array(await response.arrayBuffer()));
  const counts = new Map();
  const wanted = all.filter(([path]) => {
    counts.set(classOf(path), (counts.get(classOf(path)) ?? 0) + 1);
    return counts.get(classOf(path)) <= most;
  });
  set(wanted.map(([path, bytes]) => [path, new Blob([bytes])]));
}

/** Keeps the pictures for the next visit, or brings back those of an earlier one. */
export const store = async settings => {
  await forget('photos/');
  await keep([['photos/all', await bytes()], ['photos/settings', settings]]);
};
export async function restore() {
  const all = await get('photos/all');
  if (all) set(all.map(([path, bytes]) => [path, new Blob([bytes])]));
  return get('photos/settings');
}

/** Records while the button is held or until it is clicked again: a picture five times a second. */
function recording(camera) {
  const button = part('record');
  let on = false;
  button.onclick = async () => {
    on = !on;
    say(button, on ? 'Stop recording' : 'Record into the class');
    while (on && camera.isOn) {
      const picture = await camera.picture();
      if (picture) addTo(part('class').value.trim(), [picture]);
      await new Promise(resolve => setTimeout(resolve, 200));
    }
  };
}

/** Connects the controls; `onChange` is called when there are other pictures. */
export function connect(onChange) {
  changed = onChange;
  const trouble = error => say(part('picture-trouble'), error.message);
  onDrop(part('drop'), add);
  onPaste(pictures => document.activeElement?.closest('#try') || addTo(part('class').value.trim(), pictures));
  onChoice(part('folder'), chosen => add(chosen.map(file => [file.webkitRelativePath || file.name, file])));
  onChoice(part('files'), chosen => addTo(part('class').value.trim(), chosen));
  part('sample').onclick = () => sample().catch(trouble);
  part('clear').onclick = () => set([]);
  part('save-zip').onclick = async () => download('photos.zip', zip(await bytes()));
  const camera = new Camera(part('viewfinder'));
  recording(camera);
  part('camera').onclick = async () => {
    if (camera.isOn) camera.stop();
    else await camera.start().catch(error => trouble(new Error(`the camera can't be used: ${error.message}`)));
    part('record').hidden = !camera.isOn;
    say(part('camera'), camera.isOn ? 'Stop the camera' : 'Start the camera');
  };
  show();
}
