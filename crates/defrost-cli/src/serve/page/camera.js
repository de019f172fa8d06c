// The camera: its picture in the page where browsers allow that, and else the system's own way to take a photo.
import { part } from './ask.js';

/** Offers it; a photo goes to `take` as a file. */
export function camera(take) {
  const [video, card, open, hint] = ['video', 'camera', 'open-camera', 'camera-hint'].map(part);
  const close = () => {
    video.srcObject?.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
    card.hidden = true;
    open.focus();
  };
  const say = (text) => {
    hint.textContent = text;
    hint.hidden = text === '';
  };
  if (!navigator.mediaDevices?.getUserMedia) {
    say('Browsers show a camera in a page only over https or at localhost. On a phone, “Take a photo” opens the camera.');
    return;
  }
  // Two ways would be one too many: a phone has its own, which is better.
  const isPhone = matchMedia('(pointer: coarse)').matches;
  open.hidden = isPhone;
  part('photo-label').hidden = !isPhone;
  part('photo').hidden = !isPhone;
  open.addEventListener('click', async () => {
    say('');
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
    } catch (error) {
      say(error.name === 'NotAllowedError' ? 'The browser was not allowed to use the camera.' : 'There is no camera that can be used.');
      return;
    }
    card.hidden = false;
    await video.play();
    part('snap').focus();
  });
  part('snap').addEventListener('click', () => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext('2d').drawImage(video, 0, 0);
    canvas.toBlob((blob) => take([new File([blob], 'photo.jpg', { type: 'image/jpeg' })]), 'image/jpeg', 0.95);
  });
  part('close-camera').addEventListener('click', close);
  card.addEventListener('keydown', ({ key }) => key === 'Escape' && close());
}
