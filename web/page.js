// Small things that every page needs.

export const part = id => document.getElementById(id);

/** An element with these properties and children. */
export function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/** Puts HTML or SVG that the library made into an element. */
export function fill(element, markup) {
  const template = document.createElement('template');
  template.innerHTML = markup;
  element.replaceChildren(template.content);
}

/** Text that is read out only when it is another one. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export const percent = fraction => `${(100 * fraction).toFixed(1)} %`;
export const thousands = number => number.toLocaleString('en');

/** Seconds in words: `12 s`, `3 min`. */
export function duration(seconds) {
  if (seconds < 1) return 'less than a second';
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

/** Keeps the files of the page, so that it opens without a network. Only where the browser has a place for that. */
export async function stayOffline(files) {
  try {
    await navigator.serviceWorker?.register('sw.js');
    await (await globalThis.caches?.open('defrost'))?.addAll(files);
    document.documentElement.dataset.offline = 'true';
  } catch {
    // The page works all the same, as long as there is a network.
  }
}

/** Takes the files that are chosen; the same ones can be chosen again. */
export function onChoice(input, take) {
  input.addEventListener('change', () => {
    const files = [...input.files];
    input.value = '';
    if (files.length > 0) take(files);
  });
}

/** Offers bytes as a file. */
export function download(name, blob) {
  const link = make('a', { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Lets files be dropped on an element; `take` is given `[[path, file]]`, folders and what is in them included. */
export function onDrop(element, take) {
  for (const kind of ['dragenter', 'dragover']) {
    element.addEventListener(kind, event => { event.preventDefault(); element.classList.add('over'); });
  }
  element.addEventListener('dragleave', () => element.classList.remove('over'));
  element.addEventListener('drop', async event => {
    event.preventDefault();
    element.classList.remove('over');
    const entries = [...event.dataTransfer.items].map(item => item.webkitGetAsEntry?.()).filter(Boolean);
    take((await Promise.all(entries.map(below))).flat());
  });
}

/** The files of a dropped file or folder, with their paths. */
async function below(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [[entry.fullPath.replace(/^\//, ''), file]];
  }
  const reader = entry.createReader();
  const found = [];
  // A folder comes in portions, the last one empty.
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    found.push(...some);
  }
  return (await Promise.all(found.map(below))).flat();
}

/** Takes pictures that are pasted, as files. */
export function onPaste(take) {
  document.addEventListener('paste', event => {
    const files = [...event.clipboardData.files].filter(({ type }) => type.startsWith('image/'));
    if (files.length > 0) take(files);
  });
}

/** The camera, shown in a video element. */
export class Camera {
  constructor(video) {
    this.video = video;
  }

  get isOn() {
    return Boolean(this.stream);
  }

  async start() {
    this.stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
    this.video.srcObject = this.stream;
    this.video.hidden = false;
    await this.video.play();
  }

  stop() {
    this.stream?.getTracks().forEach(track => track.stop());
    this.stream = undefined;
    this.video.hidden = true;
  }

  /** What it sees now, as a PNG file. */
  picture() {
    const { videoWidth: width, videoHeight: height } = this.video;
    const canvas = make('canvas', { width, height });
    canvas.getContext('2d').drawImage(this.video, 0, 0);
    return new Promise(resolve => canvas.toBlob(resolve, 'image/png'));
  }
}
