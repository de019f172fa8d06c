// The network as layer groups, the slider that is freeze_to, a handle for each group's rate, and what a training would cost.
import { call } from './engine.js';
import { duration, fill, make, part, say, thousands } from './page.js';

let opened, secondsPerCost;
/** Whether the rates are somebody's own. */
let own = false;

const handles = () => [...part('rates').querySelectorAll('input')];
const rateOf = ({ value }) => Number((10 ** Number(value)).toPrecision(2));

/** The request that the controls describe. */
export function wanted(kind) {
  return { kind, epochs: Number(part('epochs').value) || 1, freeze_to: Number(part('freeze-to').value), rates: own ? handles().map(rateOf) : null };
}

/** Multiply-adds of one picture through all of the network. */
export let pictureCost = 0;

/** Learns how long a multiply-add takes here. */
export function learnCost(seconds, cost) {
  if (cost > 0 && seconds > 0) secondsPerCost = seconds / cost;
}

/** What an epoch of the thawed network costs, as the library counts it. */
export let epochCost = 0;

/** Puts each handle beside the block of its group in the drawing, and shows its rate. */
function showRates({ lr_max: rates, frozen_groups: frozen }) {
  const drawing = part('plan').querySelector('svg');
  // Blocks come group by group, one for each phase.
  const blocks = [...drawing.querySelectorAll('g > rect:first-of-type')];
  const { height } = drawing.viewBox.baseVal;
  handles().forEach((handle, group) => {
    const block = blocks[Math.floor(group * blocks.length / rates.length)];
    const { style } = handle.parentElement;
    style.setProperty('--top', `${100 * block.y.baseVal.value / height}%`);
    style.setProperty('--height', `${100 * block.height.baseVal.value / height}%`);
    const isFrozen = frozen.includes(group);
    if (!own && !isFrozen) handle.value = Math.log10(rates[group]);
    handle.disabled = isFrozen;
    say(handle.previousElementSibling, isFrozen ? 'frozen' : rates[group].toExponential(1));
    handle.setAttribute('aria-valuetext', handle.previousElementSibling.textContent);
  });
}

let asked = 0;
/** Shows what the controls ask for now. */
export async function show() {
  asked += 1;
  const number = asked;
  const planned = await call('plan', wanted('thaw'));
  if (number !== asked) return;
  const thawed = planned.plan.phases[planned.plan.phases.length - 1];
  const position = Number(part('freeze-to').value);
  const { groups } = opened;
  say(part('freeze-to-says'), `${position}: ${position === 0 ? 'nothing is frozen' : `${groups.slice(0, position).map(({ name }) => name).join(', ')} frozen`}`);
  part('freeze-to').setAttribute('aria-valuetext', part('freeze-to-says').textContent);
  fill(part('plan'), planned.svg);
  showRates(thawed);
  say(part('trains'), `${thousands(thawed.trainable_params)} of ${thousands(planned.plan.total_params)}`);
  epochCost = planned.epoch_cost;
  pictureCost = planned.picture_cost;
  say(part('cost'), secondsPerCost ? duration(secondsPerCost * planned.epoch_cost) : `${Math.round(planned.epoch_cost / 1e9)} billion multiply-adds`);
  say(part('command'), planned.command);
  say(part('python'), `from defrost.vision import *\n${planned.python}`);
}

/** Shows the groups of a network that was set up, without a rate of anybody's own. */
export async function showNetwork(about) {
  opened = about;
  own = false;
  part('network').hidden = part('training').hidden = false;
  Object.assign(part('freeze-to'), { max: about.groups.length - 1, value: 0 });
  part('rates').replaceChildren(...about.groups.map(({ index, name }) => {
    const handle = make('input', { type: 'range', min: -6, max: -1, step: 0.1 });
    handle.oninput = () => { own = true; show(); };
    return make('label', {}, make('span', { className: 'unseen', textContent: `Highest rate of group ${index}, ${name}` }), make('output'), handle);
  }));
  await show();
}

/** Offers to leave off the stages from each of these on. */
export function offerCuts(stages) {
  const known = new Set([...part('cut').options].map(({ value }) => value));
  part('cut').append(...stages.filter(stage => !known.has(stage)).map(stage => make('option', { value: stage, textContent: stage })));
}

/** Chooses to leave off the stages from this one on; none where it is empty. The pictures have to be read after that. */
export function chooseCut(stage) {
  offerCuts([stage]);
  part('cut').value = stage;
}

/** Moves the slider. */
export async function standAt(position) {
  part('freeze-to').value = position;
  await show();
}

/** Sets the controls to a request. */
export async function setControls({ freeze_to = 0, epochs = 2, rates = null }) {
  part('epochs').value = epochs;
  own = rates !== null;
  if (own) handles().forEach((handle, group) => { handle.value = Math.log10(rates[group]); });
  await standAt(freeze_to);
}

/** Connects the controls; nothing can be moved while a training runs. */
export function connect() {
  part('freeze-to').oninput = show;
  part('epochs').oninput = show;
  part('usual-rates').onclick = () => {
    own = false;
    show();
  };
}

export function setEnabled(isEnabled) {
  for (const control of [part('freeze-to'), part('epochs'), part('usual-rates'), ...handles()]) control.disabled = !isEnabled;
  if (isEnabled && opened) show();
}
