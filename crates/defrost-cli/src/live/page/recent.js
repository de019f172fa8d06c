// A few validation items, and what is predicted for them after each epoch.
const part = (id) => document.getElementById(id);

/** How many cells of a row are shown. */
const CELLS = 6;

function element(name, text = '', kind = '') {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = kind;
  return made;
}

/** What an item looks like: an image, the beginning of a text, or the cells of a row. */
function previewOf({ preview, label }) {
  if (preview?.image) {
    const { width, height, jpeg } = preview.image;
    const image = document.createElement('img');
    Object.assign(image, { width, height, alt: `An item labelled ${label}`, src: `data:image/jpeg;base64,${jpeg}` });
    return [image];
  }
  if (preview?.text) return [element('blockquote', preview.text)];
  if (!preview?.cells) return [];
  const table = document.createElement('table');
  const more = preview.cells.length - CELLS;
  for (const [name, value] of [...preview.cells.slice(0, CELLS), ...(more > 0 ? [['…', `and ${more} more`]] : [])]) {
    const row = table.insertRow();
    const head = element('th', name);
    head.scope = 'row';
    row.append(head, element('td', value, 'text'));
  }
  return [table];
}

/** The items; what is predicted for them comes later. */
export function showItems(items) {
  const images = items.some(({ preview }) => preview?.image);
  part('items').classList.toggle('images', images);
  part('items').replaceChildren(...items.map((item) => {
    const line = document.createElement('li');
    const label = element('p', 'Label: ');
    label.append(element('strong', item.label));
    line.append(...previewOf(item), label, element('p', '', 'now'), element('p', '', 'before quiet'));
    return line;
  }));
}

function words({ said, probability }) {
  return probability === null ? said || 'no label' : `${said} (${Math.round(probability * 100)}\u00a0%)`;
}

/** The predictions of an epoch beside those of the one before. */
export function showPredictions({ epoch, now, before }) {
  const right = now.filter((found) => found.right).length;
  const count = now.some((found) => found.right !== null) ? ` ${right} of these ${now.length} are right.` : '';
  part('recent-epoch').textContent = `Some validation items, after ${epoch}.${count}`;
  [...part('items').children].forEach((line, place) => {
    const found = now[place];
    const predicted = line.querySelector('.now');
    const mark = found.right === null ? '' : found.right ? ' ✓' : ' ✗';
    predicted.textContent = `Predicted: ${words(found)}${mark}`;
    predicted.classList.toggle('wrong', found.right === false);
    line.querySelector('.before').textContent = before ? `before: ${words(before[place])}` : '';
  });
  part('recent').hidden = now.length === 0;
}
