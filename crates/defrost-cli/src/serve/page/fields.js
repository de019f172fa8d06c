// Forms for texts and for rows of a table. What is wrong with a value, or was never seen in training, is said at its field.
import { add } from './answers.js';
import { answerOf, part } from './ask.js';
import { wait } from './shown.js';

/** A choice of more values than this is typed, with suggestions. */
const CHOICES = 12;
/** A text is named by its beginning. */
const NAME = 60;

/** A field with its label and a line for what is to be said about its value. */
function field(id, name, input, hint = '') {
  const label = document.createElement('label');
  label.htmlFor = id;
  label.textContent = name;
  input.id = id;
  const note = document.createElement('p');
  note.id = `${id}-note`;
  note.className = 'note';
  note.textContent = hint;
  input.setAttribute('aria-describedby', note.id);
  const whole = document.createElement('div');
  whole.className = 'field';
  whole.append(label, input, note);
  const say = (text, kind) => {
    note.textContent = text ?? hint;
    note.className = text === undefined ? 'note' : `note ${kind}`;
    if (kind === 'bad') input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
  };
  return { whole, input, say };
}

/** An input for a column of this kind. */
function inputOf({ kind, choices }, id, whole) {
  if (kind === 'category' && choices.length <= CHOICES) {
    const select = document.createElement('select');
    select.append(new Option('leave blank if unknown', ''), ...choices.map((choice) => new Option(choice)));
    return select;
  }
  const input = document.createElement('input');
  if (kind === 'date' || kind === 'time') input.type = kind;
  else input.placeholder = 'leave blank if unknown';
  if (kind === 'number') input.inputMode = 'decimal';
  if (kind === 'category') {
    const list = document.createElement('datalist');
    list.id = `${id}-choices`;
    list.append(...choices.map((choice) => new Option(choice)));
    input.setAttribute('list', list.id);
    input.autocomplete = 'off';
    whole.append(list);
  }
  return input;
}

/** The newest question: an earlier one may be answered later, and is then not shown. */
let asked = 0;

/** Sends a value, and says at the fields what the answer says about them. */
async function send(path, value, entry, fields) {
  asked += 1;
  const mine = asked;
  Object.values(fields).forEach(({ say }) => say());
  wait();
  const answer = await answerOf(path, JSON.stringify(value), 'application/json');
  const isNewest = mine === asked;
  add({ ...entry, answer }, isNewest);
  if (!isNewest) return;
  const wrong = Object.entries(answer.fields ?? {}).filter(([name]) => name in fields);
  wrong.forEach(([name, reason]) => fields[name].say(reason, 'bad'));
  Object.entries(answer.warnings ?? {}).forEach(([name, note]) => fields[name]?.say(note, 'care'));
  if (answer.truncated) fields.text?.say(cut(value.text, answer.truncated), 'care');
  if (wrong.length > 0) fields[wrong[0][0]].input.focus();
}

/** Where a text was cut. */
function cut(text, { characters_read: read, characters }) {
  const letters = [...text];
  const [before, after] = [letters.slice(Math.max(0, read - 40), read), letters.slice(read, read + 40)];
  return `Read up to character ${read} of ${characters}: “…${before.join('')}”. Not read: “${after.join('').trim()}…”`;
}

function form(submit) {
  part('sending').hidden = false;
  part('ask').addEventListener('submit', (event) => {
    event.preventDefault();
    submit();
  });
}

export function texts({ path, form: { max_tokens: most } }) {
  const area = document.createElement('textarea');
  area.rows = 5;
  const text = field('words', 'Text', area, `It is read up to ${most} tokens, which are words or parts of words.`);
  part('text').append(text.whole);
  part('text').hidden = false;
  form(() => {
    const words = area.value;
    const name = words.trim().replace(/\s+/g, ' ');
    const short = name.length > NAME ? `${name.slice(0, NAME)}…` : name || 'an empty text';
    send(path, { text: words }, { name: short, columns: { input: words } }, { text });
  });
}

export function rows({ path, form: { fields: columns } }) {
  const fields = {};
  columns.forEach((column, number) => {
    const id = `field-${number}`;
    const lists = document.createDocumentFragment();
    fields[column.name] = field(id, column.name, inputOf(column, id, lists));
    fields[column.name].whole.append(lists);
  });
  const all = Object.entries(fields);
  part('row').append(...all.map(([, { whole }]) => whole));
  part('row').hidden = false;
  form(() => {
    const row = Object.fromEntries(all.map(([name, { input }]) => [name, input.value]));
    const filled = Object.entries(row).filter(([, value]) => value.trim() !== '');
    part('form-note').textContent = filled.length ? '' : 'Fill in at least one field.';
    if (filled.length === 0) {
      all[0]?.[1].input.focus();
      return;
    }
    const name = filled.map(([column, value]) => `${column} ${value}`).join(', ');
    send(path, { row }, { name, columns: row }, fields);
  });
}
