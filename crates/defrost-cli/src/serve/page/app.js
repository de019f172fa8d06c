// The page in which a run is tried: it asks /model what to ask for, and /predict what comes of it.
const part = (id) => document.getElementById(id);
const message = part('message');
const classes = part('classes');

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
    bar.style.setProperty('--share', probability);
    bar.textContent = percent(probability);
    cell.append(bar);
    row.append(head, cell);
    return row;
  });
  classes.tBodies[0].replaceChildren(...rows);
  classes.hidden = false;
  if ('labels' in answer) {
    say(answer.labels.length ? `There: ${answer.labels.join(', ')}` : 'None of the labels is likely enough.');
  } else {
    say(`${answer.top[0].class}, ${percent(answer.top[0].probability)}`);
  }
}

async function ask(body, type) {
  const mine = ++asked;
  classes.hidden = true;
  say('Predicting…');
  try {
    const response = await fetch('/predict', { method: 'POST', headers: { 'Content-Type': type }, body });
    const answer = await response.json();
    if (mine !== asked) return;
    if (response.ok) show(answer);
    else say(answer.error, 'bad');
  } catch {
    if (mine === asked) say('The server does not answer; is it still running?', 'bad');
  }
}

function askJson(value) {
  return ask(JSON.stringify(value), 'application/json');
}

/** A place for a picture: chosen, dropped or pasted. */
function pictures() {
  const [drop, file, preview] = [part('drop'), part('file'), part('preview')];
  const take = (picture) => {
    if (!picture) return;
    URL.revokeObjectURL(preview.src);
    preview.src = URL.createObjectURL(picture);
    preview.alt = picture.name || 'The picture';
    preview.hidden = false;
    ask(picture, picture.type || 'application/octet-stream');
  };
  // What this browser can't draw may still be a picture.
  preview.addEventListener('error', () => { preview.hidden = true; });
  file.addEventListener('change', () => take(file.files[0]));
  addEventListener('dragover', (event) => { event.preventDefault(); drop.classList.add('over'); });
  addEventListener('dragleave', () => drop.classList.remove('over'));
  addEventListener('drop', (event) => {
    event.preventDefault();
    drop.classList.remove('over');
    take(event.dataTransfer.files[0]);
  });
  addEventListener('paste', (event) => take(event.clipboardData.files[0]));
  part('picture').hidden = false;
}

/** A field of a row with its label. */
function field({ name, kind, choices }, number) {
  const label = document.createElement('label');
  label.htmlFor = `field-${number}`;
  label.textContent = name;
  const input = document.createElement(kind === 'category' ? 'select' : 'input');
  input.id = label.htmlFor;
  input.name = name;
  if (kind === 'category') input.append(new Option('not known', ''), ...choices.map((choice) => new Option(choice)));
  if (kind === 'date') input.type = 'date';
  if (kind === 'number') {
    input.inputMode = 'decimal';
    input.placeholder = 'not known';
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
  let send = null;
  if (model.form.kind === 'picture') pictures();
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
  say('The server does not answer; is it still running?', 'bad');
}
