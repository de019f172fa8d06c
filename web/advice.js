// Advice: what to freeze, measured by a worker of its own, so that the page can stop it at any moment.
import { Engine, call } from './engine.js';
import { fill, part, say } from './page.js';
import { chooseCut, standAt, wanted } from './network.js';
import { bytes } from './pictures.js';
import { showStep } from './training.js';

/** How much it may compute: a pass is one picture forward through the whole network. */
const PASSES = 1500;
const STOPPED = 'stopped';

let advisor;

/** What the controls stand at now, in words. */
function meaning(controls, cut) {
  if (!controls) return 'The controls of this page can\'t do what is advised; the command can.';
  if (controls.cut !== null && controls.cut !== cut) {
    return `“Leave off stages from ${controls.cut}” is chosen under Settings. Read the pictures again, then train the head.`;
  }
  return controls.kind === 'head'
    ? `The slider stands at ${controls.freeze_to}, the head: “Train the head” does what is advised.`
    : `The slider stands at ${controls.freeze_to}: “Thaw” does what is advised.`;
}

/** Measures, shows the advice, and sets the controls to it. */
async function advise(settings) {
  say(part('trouble'), '');
  say(part('place'), '');
  part('done').removeAttribute('value');
  showStep('advising', 'Advice: reading the pictures once more');
  advisor = new Engine();
  advisor.addEventListener('advising', ({ detail: { doing, used, passes } }) => {
    part('done').value = Math.min(1, used / passes);
    say(part('step'), `Advice: ${doing}`);
    say(part('place'), `${used} of ${passes} passes`);
  });
  try {
    await advisor.start('efficientnet_lite0.safetensors');
    await advisor.call('photos', await bytes());
    await advisor.call('open', settings);
    const { section, controls } = await advisor.call('advise', { wanted: wanted('thaw'), passes: PASSES });
    // The library is in memory twice.
    document.documentElement.dataset.memory = await call('memory') + await advisor.call('memory');
    part('advised').hidden = false;
    fill(part('advice-section'), section);
    part('done').value = 1;
    showStep('over', 'Advice: ready below');
    if (controls?.cut) chooseCut(controls.cut);
    else if (controls) await standAt(controls.freeze_to);
    say(part('advice-means'), meaning(controls, settings.cut));
  } catch (error) {
    if (error.message !== STOPPED) say(part('trouble'), error.message);
    showStep('over', error.message === STOPPED ? 'The advice was stopped.' : 'The advice has failed.');
  } finally {
    advisor.end(STOPPED);
  }
}

/** Connects the buttons; `settings` gives those of the network on the page. */
export function connect(settings) {
  part('advise').onclick = () => advise(settings());
  part('stop').addEventListener('click', () => {
    if (part('run').dataset.step === 'advising') advisor.end(STOPPED);
  });
}
