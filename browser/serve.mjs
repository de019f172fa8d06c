// Tries runs in the page of `defrost serve` as somebody would: drops an image, types a text, fills in a row, reads what
// comes of it, asks where the network looks, sends what can't be read.
//
//   node serve.mjs DEFROST NAME=RUN...
import { readFileSync, readdirSync } from 'node:fs';
import { served } from './served.mjs';

const fixtures = '../crates/defrost/tests/fixtures';
const known = '../samples/fashion/train/trouser';
const wide = `${fixtures}/recognise/rocket.jpg`;
const sideways = `${fixtures}/images/orientation-6.jpg`;
const [defrost, ...words] = process.argv.slice(2);

const message = visit => visit.page.locator('#message').innerText();

/** Waits for an answer, and returns what it says. */
async function answered(visit) {
  await visit.until(() => {
    const text = document.getElementById('message').textContent;
    return text !== '' && !['Predicting…', 'No prediction yet.'].includes(text);
  }, null, 'an answer');
  return message(visit);
}

/** Expects classes with probabilities, the likeliest first and in words too. */
async function expectClasses(visit, classes) {
  const said = await answered(visit);
  const rows = await visit.page.locator('#classes tbody tr').evaluateAll(rows => rows.map(row => [...row.cells].map(cell => cell.textContent)));
  const shares = rows.map(([, share]) => parseFloat(share));
  visit.expect(rows.length === Math.min(classes.length, 5) && rows.every(([name]) => classes.includes(name)), `classes: ${rows}`);
  visit.expect(shares.every((share, place) => share >= 0 && share <= (shares[place - 1] ?? 100)), `probabilities: ${shares}`);
  visit.expect(said === rows[0]?.join(', '), `says "${said}" of ${rows[0]}`);
}

/** Expects a refusal with this reason. The browser's own note of the status is no fault of the page. */
async function expectRefusal(visit, reason) {
  const said = await answered(visit);
  visit.expect(said === reason, `refused because of "${said}" and not "${reason}"`);
  visit.expect(await visit.page.locator('#message.bad').isVisible(), 'a refusal looks like an answer');
  visit.expect(await visit.page.locator('#classes').isHidden(), 'an earlier answer stands beside a refusal');
  const note = visit.wrong.findIndex(wrong => wrong.startsWith('console: Failed to load resource') && wrong.includes('422'));
  visit.expect(note >= 0, 'a refusal without a status');
  if (note >= 0) visit.wrong.splice(note, 1);
}

/** Expects warmth for the likeliest class on the square in the middle of the image; returns how opaque it gets. */
async function expectWarmth(visit) {
  const { page } = visit;
  const likeliest = await page.locator('#classes tbody th').first().innerText();
  const legend = await page.locator('#legend').innerText();
  const warmest = await page.locator('#heat').evaluate(heat => {
    const copy = new OffscreenCanvas(heat.width, heat.height).getContext('2d');
    copy.drawImage(heat, 0, 0);
    return Math.max(...copy.getImageData(0, 0, heat.width, heat.height).data.filter((_, place) => place % 4 === 3));
  });
  const said = warmest ? `Orange areas support ${likeliest}.` : `No area of the image supports ${likeliest}.`;
  visit.expect(legend.startsWith(said), `"${legend}" of warmth up to ${warmest} for ${likeliest}`);
  const [over, under] = await Promise.all(['#heat', '#preview'].map(which => page.locator(which).boundingBox()));
  const middle = ({ x, y, width, height }) => [x + width / 2, y + height / 2];
  const off = middle(over).map((place, axis) => Math.abs(place - middle(under)[axis]));
  const side = Math.min(under.width, under.height);
  const fits = Math.max(...off, Math.abs(over.width - side), Math.abs(over.height - side)) < 1;
  visit.expect(fits, `the warmth is beside the image: ${JSON.stringify([over, under])}`);
  return warmest;
}

/** Drops a file on the page. */
async function drop({ page }, path, type) {
  const bytes = readFileSync(path).toString('base64');
  const transfer = await page.evaluateHandle(([bytes, name, type]) => {
    const transfer = new DataTransfer();
    const content = Uint8Array.from(atob(bytes), letter => letter.charCodeAt(0));
    transfer.items.add(new File([content], name, { type }));
    return transfer;
  }, [bytes, path.split('/').at(-1), type]);
  await page.dispatchEvent('#drop', 'dragover', { dataTransfer: transfer });
  await page.dispatchEvent('#drop', 'drop', { dataTransfer: transfer });
}

const tries = {
  async image(visit, model) {
    const { page } = visit;
    await visit.look('before');
    await drop(visit, wide, 'image/jpeg');
    await expectClasses(visit, model.classes);
    visit.expect(await page.locator('#heat').isHidden(), 'warmth that nobody asked for');

    const explained = [];
    page.on('request', request => request.url().endsWith('/explain') && explained.push(request));
    await page.getByLabel('Show where the network looks').check();
    await page.locator('#heat').waitFor();
    await expectWarmth(visit);
    await visit.look('wide');
    await page.getByLabel('Show where the network looks').uncheck();
    visit.expect(await page.locator('#heat').isHidden(), 'the warmth stays');
    await page.getByLabel('Show where the network looks').check();
    visit.expect(await page.locator('#heat').isVisible() && explained.length === 1, `asked ${explained.length} times`);

    // Another image, as a file, is explained at once.
    await page.locator('#file').setInputFiles(sideways);
    await expectClasses(visit, model.classes);
    await page.locator('#heat').waitFor();
    visit.expect(explained.length === 2, `asked ${explained.length} times`);
    await expectWarmth(visit);
    await visit.look('sideways');

    // Some area of an image that it has learned from supports its class.
    await page.locator('#file').setInputFiles(`${known}/${readdirSync(known).sort()[0]}`);
    await expectClasses(visit, model.classes);
    await page.locator('#heat').waitFor();
    visit.expect(await expectWarmth(visit) === 165, 'nothing is warm');
    await visit.look('known');

    await page.locator('#file').setInputFiles({ name: 'notes.png', mimeType: 'image/png', buffer: Buffer.from('no image') });
    await expectRefusal(visit, 'not an image (JPEG, PNG, WebP, BMP, GIF, TIFF, HEIC or PNM)');
    visit.expect(await page.locator('#places').isHidden() && await page.locator('#shown').isHidden(), 'what is no image is shown');
    await visit.look('refused');
  },

  async text(visit, model) {
    const { page } = visit;
    await page.getByRole('textbox', { name: 'Text' }).fill('The library knows no command line, no colours and no exit codes.');
    await page.getByRole('button', { name: 'Predict' }).click();
    await expectClasses(visit, model.classes);
    await visit.look();
    await page.getByRole('textbox', { name: 'Text' }).fill(' ');
    await page.getByRole('button', { name: 'Predict' }).click();
    await expectRefusal(visit, 'the text is empty');
    await visit.look('refused');
  },

  async row(visit, model) {
    const { page } = visit;
    const fill = (name, words) => page.getByLabel(name, { exact: true }).fill(words);
    await fill('age', '52');
    await page.getByLabel('town', { exact: true }).selectOption('Kiel');
    await fill('other', '4');
    await fill('hours', '3.5');
    // As from the keyboard.
    await page.getByLabel('hours', { exact: true }).press('Enter');
    if (model.classes.length) {
      await expectClasses(visit, model.classes);
    } else {
      const said = await answered(visit);
      visit.expect(said !== '' && Number.isFinite(Number(said)), `a number: ${said}`);
    }
    await visit.look();
    await fill('age', 'old');
    await page.getByRole('button', { name: 'Predict' }).click();
    await expectRefusal(visit, 'column `age` holds numbers, and this is `old`');
    await visit.look('refused');
  },
};

await served(defrost, words, 'serve', tries);
