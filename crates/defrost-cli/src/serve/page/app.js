// The page to try a run: /model says which fields the form needs, /predict gives the prediction.
const part = (id) => document.getElementById(id);
const message = part('message');
const classes = part('classes');
const notes = part('notes');

/** The newest question: answers to earlier ones come too late. */
let asked = 0;

function say(text, kind = '') {
  message.textContent = text;
  message.className = kind;
  message.hidden = text === '';
}

function percent(probability) {
  return `${(probability * 100).toFixed(1)} %`;
}

/** Classes with bars; of labels, those that are said to be there. */
function show(answer) {
  notes.textContent = `Take the answer with care: ${answer.notes.join('; ')}.`;
  notes.hidden = answer.notes.length === 0;
  if ('number' in answer) {
    say(String(answer.number), 'number');
    return;
  }
  const rows = answer.top.map(({ class: name, probability }) => {
    const row = document.createElement('tr');
    const head = document.createElement('th');
    head.scope = 'row';
    head.textContent = name;
    const cell = document.createElement('td');
    const bar = document.createElement('span');
    bar.className = 'bar';
    bar.style.setProperty('--fraction', probability);
    bar.textContent = percent(probability);
    cell.append(bar);
    row.append(head, cell);
    return row;
  });
  classes.tBodies[0].replaceChildren(...rows);
  classes.hidden = false;
  if ('labels' in answer) {
    say(answer.labels.length ? `Labels: ${answer.labels.join(', ')}` : 'No label is likely enough.');
  } else {
    say(`${answer.top[0].class}, ${percent(answer.top[0].probability)}`);
  }
}

/** The answer to the newest request, or why there is none; undefined if there is a newer request by then. */
async function answerOf(path, body, type) {
  const mine = asked;
  let answer = { error: 'The server does not answer. Is it still running?' };
  try {
    answer = await (await fetch(path, { method: 'POST', headers: { 'Content-Type': type }, body })).json();
  } catch { /* Then it stays at that. */ }
  return mine === asked ? answer : undefined;
}

/** Requests a prediction for this; returns whether there is one. */
async function ask(body, type) {
  asked += 1;
  classes.hidden = true;
  notes.hidden = true;
  say('Predicting…');
  const answer = await answerOf('/predict', body, type);
  if (answer === undefined) return false;
  if ('error' in answer) say(answer.error, 'bad');
  else show(answer);
  return !('error' in answer);
}

function askJson(value) {
  return ask(JSON.stringify(value), 'application/json');
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

/** Where the network looks, asked for only when somebody wants to see it. */
function places(image) {
  const [look, heat, legend] = [part('look'), part('heat'), part('legend')];
  let laid = false;
  const looked = async () => {
    heat.hidden = !look.checked || !laid;
    legend.hidden = !look.checked;
    if (!look.checked || laid) return;
    legend.textContent = 'Looking…';
    legend.className = '';
    const answer = await answerOf('/explain', image, typeOf(image));
    if (answer === undefined) return;
    if ('error' in answer) {
      legend.textContent = answer.error;
      legend.className = 'bad';
      return;
    }
    laid = true;
    lay(answer.heat);
    heat.hidden = !look.checked;
  };
  look.onchange = looked;
  part('places').hidden = false;
  looked();
}

function typeOf(image) {
  return image.type || 'application/octet-stream';
}

/** A place for an image: chosen, dropped or pasted. */
function images({ heat }) {
  const [drop, file, preview, shown] = [part('drop'), part('file'), part('preview'), part('shown')];
  const take = async (image) => {
    if (!image) return;
    URL.revokeObjectURL(preview.src);
    preview.src = URL.createObjectURL(image);
    preview.alt = image.name || 'The image';
    shown.hidden = false;
    part('heat').hidden = true;
    part('places').hidden = true;
    // What this browser can't draw may still be an image.
    const drawn = preview.decode().then(() => true, () => false);
    const answered = await ask(image, typeOf(image));
    if (answered && heat && await drawn) places(image);
  };
  preview.addEventListener('error', () => { shown.hidden = true; });
  preview.addEventListener('load', () => {
    shown.style.setProperty('--ratio', preview.naturalWidth / preview.naturalHeight);
  });
  file.addEventListener('change', () => take(file.files[0]));
  addEventListener('dragover', (event) => { event.preventDefault(); drop.classList.add('over'); });
  addEventListener('dragleave', () => drop.classList.remove('over'));
  addEventListener('drop', (event) => {
    event.preventDefault();
    drop.classList.remove('over');
    take(event.dataTransfer.files[0]);
  });
  addEventListener('paste', (event) => take(event.clipboardData.files[0]));
  part('image').hidden = false;
}

/** A field of a row with its label. */
function field({ name, kind, choices }, number) {
  const label = document.createElement('label');
  label.htmlFor = `field-${number}`;
  label.textContent = name;
  const input = document.createElement(kind === 'category' ? 'select' : 'input');
  input.id = label.htmlFor;
  input.name = name;
  if (kind === 'category') input.append(new Option('leave blank if unknown', ''), ...choices.map((choice) => new Option(choice)));
  if (kind === 'date' || kind === 'time') input.type = kind;
  if (kind === 'number') {
    input.inputMode = 'decimal';
    input.placeholder = 'leave blank if unknown';
  }
  const pair = document.createElement('div');
  pair.append(label, input);
  return { pair, cell: () => [name, input.value] };
}

function start(model) {
  document.title = `${model.name}: defrost`;
  part('name').textContent = model.name;
  const outputs = model.classes.length ? `${model.classes.length} classes` : 'a number';
  part('about').textContent = `${model.arch}, ${outputs}`;
  part('explained').hidden = !model.form.heat;
  let send = null;
  if (model.form.kind === 'image') images(model.form);
  if (model.form.kind === 'text') {
    part('text').hidden = false;
    send = () => askJson({ text: part('words').value });
  }
  if (model.form.kind === 'row') {
    const fields = model.form.fields.map(field);
    part('row').append(...fields.map(({ pair }) => pair));
    part('row').hidden = false;
    send = () => askJson({ row: Object.fromEntries(fields.map(({ cell }) => cell())) });
  }
  part('send').hidden = send === null;
  part('ask').addEventListener('submit', (event) => {
    event.preventDefault();
    send?.();
  });
}

try {
  start(await (await fetch('/model')).json());
} catch {
  say('The server does not answer. Is it still running?', 'bad');
}
