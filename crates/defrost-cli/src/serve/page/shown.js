// The answer that is shown: all classes with bars, what to know about it, and where in an image the network looks.
import { answerOf, inWords, part, percent } from './ask.js';

/** How many classes are shown at once; the others are unfolded. */
const FIRST = 5;

/** The entry that is shown. */
let current = null;

export function say(text, kind = '') {
  part('message').textContent = text;
  part('message').className = kind;
}

/** A new question: the answer that was shown belongs to another one. */
export function wait() {
  current = null;
  for (const id of ['input', 'notes', 'classes', 'rest', 'seen']) part(id).hidden = true;
  say('Predicting…');
}

function line({ class: name, probability }) {
  const row = document.createElement('tr');
  const head = document.createElement('th');
  head.scope = 'row';
  head.textContent = name;
  const cell = document.createElement('td');
  cell.className = 'fraction';
  cell.style.setProperty('--v', `${probability * 100}%`);
  cell.textContent = percent(probability);
  row.append(head, cell);
  return row;
}

function classes(top) {
  part('classes').tBodies[0].replaceChildren(...top.slice(0, FIRST).map(line));
  part('classes').hidden = top.length === 0;
  const rest = top.slice(FIRST);
  part('rest').querySelector('summary').textContent = `The other ${rest.length} classes`;
  part('rest').querySelector('tbody').replaceChildren(...rest.map(line));
  part('rest').hidden = rest.length === 0;
}

/** Shows an entry: its name, the server's answer, and its image if it has one. */
export function show(entry) {
  const isNew = entry !== current;
  current = entry;
  const { name, answer } = entry;
  part('input').textContent = name;
  part('input').hidden = false;
  const notes = answer.notes ?? [];
  part('notes').textContent = `Take the answer with care: ${notes.join('; ')}.`;
  part('notes').hidden = notes.length === 0;
  classes(answer.top ?? []);
  if ('error' in answer) {
    say(answer.error, 'bad');
  } else {
    const { said, probability } = inWords(answer);
    say(probability === undefined ? said : `${said}, ${percent(probability)}`);
  }
  if (isNew) image(entry);
}

/** The image of an entry, if this browser can draw it. */
async function image(entry) {
  part('seen').hidden = true;
  if (!entry.image) return;
  const [preview, heat] = [part('preview'), part('heat')];
  URL.revokeObjectURL(preview.src);
  preview.src = URL.createObjectURL(entry.image);
  preview.alt = entry.name;
  heat.hidden = true;
  const drawn = await preview.decode().then(() => true, () => false);
  if (current !== entry || !drawn) return;
  part('seen').style.setProperty('--ratio', preview.naturalWidth / preview.naturalHeight);
  part('seen').hidden = false;
  part('places').hidden = !entry.heats || 'error' in entry.answer;
  look();
}

/** Lays warmth over the image, the more opaque the more an area supports the class. */
function lay({ class: name, height, width, values, fraction }) {
  const [heat, preview] = [part('heat'), part('preview')];
  [heat.width, heat.height] = [width, height];
  const pixels = new ImageData(width, height);
  values.forEach((value, place) => pixels.data.set([255, 72, 0, value * 165], place * 4));
  heat.getContext('2d').putImageData(pixels, 0, 0);
  const tall = preview.naturalHeight > preview.naturalWidth;
  heat.style.width = tall ? `${fraction * 100}%` : 'auto';
  heat.style.height = tall ? 'auto' : `${fraction * 100}%`;
  const what = name === null ? 'a higher number' : name;
  heat.setAttribute('aria-label', `The areas that support ${what}`);
  part('legend').textContent = values.some((value) => value > 0)
    ? `Orange areas support ${what}. The dashed square is what the network sees.`
    : `No area of the image supports ${what}.`;
}

/** Where the network looks, requested only when somebody wants to see it, and once for each image. */
async function look() {
  const [heat, legend, entry] = [part('heat'), part('legend'), current];
  heat.hidden = true;
  legend.classList.remove('bad');
  const isWanted = () => part('look').checked && current === entry;
  legend.textContent = '';
  if (!isWanted() || part('places').hidden) return;
  legend.textContent = 'Looking…';
  entry.explained ??= answerOf('/explain', entry.image, entry.image.type || 'application/octet-stream');
  const answer = await entry.explained;
  if (!isWanted()) return;
  if ('error' in answer) {
    legend.textContent = answer.error;
    legend.classList.add('bad');
    entry.explained = undefined;
    return;
  }
  lay(answer.heat);
  heat.hidden = false;
}

part('look').addEventListener('change', look);
