// Advice: what to freeze, measured on the pictures before any training.
import { call, engine } from './engine.js';
import { fill, part, say } from './page.js';
import { chooseCut, standAt, wanted } from './network.js';
import { showStep } from './training.js';

/** How much it may compute: a pass is one picture forward through the whole network. */
const PASSES = 1500;
const STOPPED = 'stopped';

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
async function advise(cut) {
  say(part('trouble'), '');
  say(part('place'), '');
  part('done').removeAttribute('value');
  showStep('advising', 'Advice: computing features');
  try {
    const { section, controls, memory } = await call('advise', { wanted: wanted('thaw'), passes: PASSES });
    document.documentElement.dataset.memory = memory;
    part('advised').hidden = false;
    fill(part('advice-section'), section);
    part('done').value = 1;
    showStep('over', 'Advice: ready below');
    if (controls?.cut) chooseCut(controls.cut);
    else if (controls) await standAt(controls.freeze_to);
    say(part('advice-means'), meaning(controls, cut));
  } catch (error) {
    if (error.message !== STOPPED) say(part('trouble'), error.message);
    showStep('over', error.message === STOPPED ? 'The advice was stopped.' : 'The advice has failed.');
  }
}

engine.addEventListener('advising', ({ detail: { doing, used, passes } }) => {
  part('done').value = Math.min(1, used / passes);
  say(part('step'), `Advice: ${doing}`);
  say(part('place'), `${used} of ${passes} passes`);
});

/** Ends it in the middle. The worker hears nothing while it measures, so a new one goes on from where it was. */
async function stop(again) {
  try {
    const calls = await again();
    if (part('run').dataset.step === 'advising') await engine.restart(STOPPED, calls);
  } catch (error) {
    say(part('trouble'), error.message);
  }
}

/** Connects the buttons: `cut` tells where the network on the page is cut, `again` the calls that make a new worker what this one is. */
export function connect({ cut, again }) {
  part('advise').onclick = () => advise(cut());
  part('stop').addEventListener('click', () => {
    if (part('run').dataset.step === 'advising') stop(again);
  });
}
