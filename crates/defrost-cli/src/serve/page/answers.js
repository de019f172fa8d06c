// All answers so far: a line for each, which shows it again, and a file of all of them.
import { inWords, part, percent } from './ask.js';
import { csv } from './csv.js';
import { show } from './shown.js';

/** Each with its name, its input as columns of a table, the server's answer, and the image if it is one. */
const entries = [];

/** Adds an answer; shows it if `isShown`. */
export function add(entry, isShown) {
  entries.push(entry);
  const row = document.createElement('tr');
  const head = document.createElement('th');
  head.scope = 'row';
  if (entry.image) {
    const small = document.createElement('img');
    small.alt = '';
    small.src = URL.createObjectURL(entry.image);
    small.addEventListener('error', () => small.remove());
    head.append(small);
  }
  const name = document.createElement('button');
  name.type = 'button';
  name.className = 'entry';
  name.textContent = entry.name;
  head.append(name);
  const [said, probability] = [document.createElement('td'), document.createElement('td')];
  said.className = 'text';
  row.append(head, said, probability);
  if ('error' in entry.answer) {
    said.textContent = entry.answer.error;
    said.classList.add('bad');
    said.colSpan = 2;
    probability.remove();
  } else {
    const words = inWords(entry.answer);
    said.textContent = words.said;
    probability.textContent = words.probability === undefined ? '' : percent(words.probability);
  }
  part('answers').tBodies[0].prepend(row);
  part('all').hidden = false;
  const shown = () => {
    part('answers').querySelectorAll('[aria-current]').forEach((other) => other.removeAttribute('aria-current'));
    row.setAttribute('aria-current', 'true');
    show(entry);
  };
  name.addEventListener('click', () => {
    shown();
    part('answer-title').scrollIntoView();
  });
  if (isShown) shown();
}

/** All answers as rows of a table, its head first. */
function table() {
  const columns = [...new Set(entries.flatMap(({ columns }) => Object.keys(columns)))];
  const head = [...columns, 'prediction', 'probability', 'familiarity', 'notes', 'error'];
  return [head, ...entries.map(({ columns: input, answer }) => {
    const { said, probability } = 'error' in answer ? {} : inWords(answer);
    const labels = answer.labels?.join('|');
    return [...columns.map((name) => input[name]), labels ?? said, probability, answer.familiarity, answer.notes?.join('; '), answer.error];
  })];
}

part('csv').addEventListener('click', () => {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([csv(table())], { type: 'text/csv' }));
  link.download = 'answers.csv';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
});
