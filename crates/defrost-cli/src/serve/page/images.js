// A place for images: chosen, dropped, pasted or photographed, several at once.
import { add } from './answers.js';
import { answerOf, part } from './ask.js';
import { camera } from './camera.js';
import { say, wait } from './shown.js';

/** The images that wait, and how many there were since none did. */
const waiting = [];
let count = 0;

/** Predicts what waits, one image after the other. The first is shown; the others can be chosen from the list. */
async function predict({ form, path }) {
  wait();
  for (let done = 0; waiting.length > 0; done += 1) {
    part('progress').textContent = count > 1 ? `Image ${done + 1} of ${count}` : '';
    const image = waiting[0];
    const name = image.name || 'image';
    const answer = await answerOf(path, image, image.type || 'application/octet-stream');
    add({ name, columns: { input: name }, answer, image, heats: form.heat }, done === 0);
    waiting.shift();
  }
  part('progress').textContent = count > 1 ? `${count} images, all of them in the list below` : '';
  count = 0;
}

export function images(model) {
  const [drop, file, photo] = [part('drop'), part('file'), part('photo')];
  const take = (files) => {
    const chosen = [...files];
    if (chosen.length === 0) return;
    const isIdle = waiting.length === 0;
    waiting.push(...chosen);
    count += chosen.length;
    if (isIdle) predict(model);
  };
  for (const input of [file, photo]) {
    input.addEventListener('change', () => {
      take(input.files);
      // The same file can be chosen again.
      input.value = '';
    });
  }
  addEventListener('dragover', (event) => { event.preventDefault(); drop.classList.add('over'); });
  addEventListener('dragleave', () => drop.classList.remove('over'));
  addEventListener('drop', (event) => {
    event.preventDefault();
    drop.classList.remove('over');
    if (event.dataTransfer.files.length === 0) say('That was no file. Save the image, and drop the file here.', 'bad');
    take(event.dataTransfer.files);
  });
  addEventListener('paste', (event) => take(event.clipboardData.files));
  camera(take);
  part('image').hidden = false;
}
