// Asking a trained network: a picture that is chosen, dropped, pasted or seen by the camera, its classes, and where the network looked.
import { call } from './engine.js';
import { Camera, make, onChoice, onDrop, onPaste, percent, say } from './page.js';

/** Puts what asks and what answers into an element. `isWanted` says whether a pasted picture is meant for it. */
export function answering(place, isWanted = () => true) {
  const shown = make('div', { className: 'shown' });
  const list = make('ol');
  const words = make('p', { role: 'status', className: 'quiet' });
  const wrong = make('p', { role: 'alert' });
  const look = make('input', { type: 'checkbox', checked: true });
  const video = make('video', { muted: true, playsInline: true, hidden: true });
  video.setAttribute('aria-label', 'What the camera sees');
  const file = make('input', { type: 'file', accept: 'image/*' });
  const live = make('button', { type: 'button', textContent: 'Answer the camera' });
  const drop = make('div', { className: 'drop' },
    make('p', {}, make('b', { textContent: 'Drop a picture here' }), ', or paste one.'),
    make('p', { className: 'buttons' }, make('label', { className: 'button' }, 'Choose a picture ', file), live));
  place.replaceChildren(drop, video,
    make('p', {}, make('label', {}, look, ' Show where the network looks (Grad-CAM)')), wrong,
    make('div', { className: 'answer' }, shown, make('div', {}, list, words)));

  let asking = false, last;

  function show(blob, answer) {
    const url = URL.createObjectURL(blob);
    const picture = make('img', { src: url, alt: 'Your picture' });
    shown.replaceChildren(picture);
    picture.onload = () => {
      if (!answer.heat?.length) return;
      const { naturalWidth: width, naturalHeight: height } = picture;
      const side = answer.fraction * Math.min(width, height);
      const heat = make('img', { className: 'heat', alt: '', src: URL.createObjectURL(new Blob([answer.heat], { type: 'image/png' })) });
      heat.style.width = `${100 * side / width}%`;
      heat.style.height = `${100 * side / height}%`;
      shown.append(heat);
    };
    list.replaceChildren(...answer.classes.map(([name, probability]) => {
      const meter = make('meter', { max: 1, value: probability });
      meter.setAttribute('aria-label', `probability of ${name}`);
      return make('li', {}, make('span', { textContent: name }), make('span', { textContent: percent(probability) }), meter);
    }));
    say(words, answer.notes.join('; '));
    place.dispatchEvent(new CustomEvent('answered', { detail: answer }));
  }

  /** Asks about a picture; those that come before the answer are left out. */
  async function ask(blob) {
    if (asking) return;
    asking = true;
    last = blob;
    try {
      const bytes = new Uint8Array(await blob.arrayBuffer());
      show(blob, await call(look.checked ? 'explain' : 'predict', bytes));
      say(wrong, '');
    } catch (error) {
      say(wrong, `${blob.name ?? 'the picture'}: ${error.message}`);
    }
    asking = false;
  }

  const camera = new Camera(video);
  live.onclick = async () => {
    if (camera.isOn) {
      camera.stop();
      say(live, 'Answer the camera');
      return;
    }
    try {
      await camera.start();
      say(live, 'Stop the camera');
      while (camera.isOn) {
        const picture = await camera.picture();
        if (picture) await ask(picture);
        await new Promise(resolve => setTimeout(resolve, 150));
      }
    } catch (error) {
      say(wrong, `the camera can't be used: ${error.message}`);
    }
  };
  onChoice(file, ([chosen]) => ask(chosen));
  look.onchange = () => last && ask(last);
  onDrop(drop, files => files[0] && ask(files[0][1]));
  onPaste(files => isWanted() && ask(files[0]));
  return { ask };
}
