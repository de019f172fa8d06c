// The network as layer groups, the slider that is freeze_to, a rate for each group, and what a training would cost.
import { call } from './engine.js';
import { duration, make, part, say, thousands } from './page.js';

let opened, usual, secondsPerCost;
/** Whether the rates are somebody's own. */
let own = false;

/** Puts SVG that the library drew into an element. */
export function draw(element, svg) {
  const template = document.createElement('template');
  template.innerHTML = svg;
  element.replaceChildren(template.content);
}

const rateInputs = () => [...part('rates').querySelectorAll('input')];

/** The request that the controls describe. */
export function wanted(kind) {
  const lr = own ? rateInputs().map(({ value }) => (10 ** Number(value)).toExponential(1)).join(',') : null;
  return { kind, epochs: Number(part('epochs').value) || 1, freeze_to: Number(part('freeze-to').value), lr };
}

/** Multiply-adds of one picture through all of the network. */
export let pictureCost = 0;

/** Learns how long a multiply-add takes here. */
export function learnCost(seconds, cost) {
  if (cost > 0 && seconds > 0) secondsPerCost = seconds / cost;
}

/** What an epoch of the thawed network costs, as the library counts it. */
export let epochCost = 0;

function showRates(rates, frozen) {
  const inputs = rateInputs();
  rates.forEach((rate, group) => {
    const input = inputs[group];
    if (!own) input.value = Math.log10(rate || 1e-4);
    input.disabled = frozen.includes(group);
    say(input.previousElementSibling, frozen.includes(group) ? 'frozen' : rate.toExponential(1));
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
  draw(part('plan'), planned.svg);
  showRates(thawed.lr_max, thawed.frozen_groups);
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
    const input = make('input', { type: 'range', min: -6, max: -1, step: 0.1 });
    input.oninput = () => { own = true; show(); };
    return make('label', {}, `${index} ${name}`, make('output'), input);
  }));
  await show();
  usual = rateInputs().map(({ value }) => value);
}

/** Sets the controls as a step of the lesson wants them; rates as one number for each group, or the usual ones. */
export async function setControls({ freezeTo = 0, epochs = 2, rates = null }) {
  part('freeze-to').value = freezeTo;
  part('epochs').value = epochs;
  own = rates !== null;
  if (own) rateInputs().forEach((input, group) => { input.value = Math.log10(rates[Math.min(group, rates.length - 1)]); });
  await show();
}

/** How many groups there are. */
export const groupCount = () => opened.groups.length;

/** Connects the controls; nothing can be moved while a training runs. */
export function connect() {
  part('freeze-to').oninput = show;
  part('epochs').oninput = show;
  part('usual-rates').onclick = () => {
    own = false;
    rateInputs().forEach((input, group) => { input.value = usual[group]; });
    show();
  };
}

export function setEnabled(isEnabled) {
  for (const control of [part('freeze-to'), part('epochs'), part('usual-rates'), ...rateInputs()]) control.disabled = !isEnabled;
  if (isEnabled && opened) show();
}
