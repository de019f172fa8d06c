// What the page of `defrost serve` does with more than one answer: several files, a pasted image, the camera, all classes, earlier answers
// and a file of all of them; what it says at the fields of a form; its report and its description for programs.
//
//   node answers.mjs DEFROST NAME=RUN...
import { readFileSync, readdirSync } from 'node:fs';
import { served } from './served.mjs';

const [defrost, ...words] = process.argv.slice(2);
const folder = '../samples/fashion/valid/bag';
const bags = readdirSync(folder).sort().slice(0, 3).map(name => `${folder}/${name}`);

const rows = visit => visit.page.locator('#answers tbody tr');
const message = visit => visit.page.locator('#message').innerText();

/** Waits until the list has this many answers. */
const hasAnswers = (visit, count) => visit.until(
  count => document.querySelectorAll('#answers tbody tr').length === count, count, `${count} answers`);

/** The browser notes each refusal; that is no fault of the page. */
function forgive(visit, count) {
  for (let note = 0; note < count; note += 1) {
    const place = visit.wrong.findIndex(wrong => wrong.startsWith('console: Failed to load resource') && wrong.includes('422'));
    visit.expect(place >= 0, 'a refusal without a status');
    if (place >= 0) visit.wrong.splice(place, 1);
  }
}

/** Saves the answers so far, and returns the lines of the file. */
async function saved({ page }) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save as CSV' }).click()]);
  return readFileSync(await download.path(), 'utf8').trimEnd().split('\r\n');
}

/** Presses Tab until the element with this id has the focus. */
async function tabTo(visit, id) {
  for (let press = 0; press < 40; press += 1) {
    if (await visit.page.evaluate(() => document.activeElement.id) === id) return;
    await visit.page.keyboard.press('Tab');
  }
  visit.expect(false, `the keyboard does not reach ${id}`);
}

/** Opens the report from the page, and comes back. */
async function expectReport(visit) {
  const { page } = visit;
  await page.getByRole('link', { name: 'The report of its training' }).click();
  visit.expect(await page.locator('.verdict, h1').first().isVisible(), 'there is no report');
  await visit.look('report');
  await page.goBack();
  const document = await page.evaluate(async () => (await fetch('/openapi.json')).json());
  visit.expect(document.openapi === '3.1.0' && document.paths['/predict'].post, 'no description for programs');
}

const tries = {
  async image(visit, model) {
    const { page } = visit;
    const no = { name: 'a "note", too.png', mimeType: 'image/png', buffer: Buffer.from('no image') };
    const files = bags.map(path => ({ name: path.split('/').at(-1), mimeType: 'image/png', buffer: readFileSync(path) }));
    await page.locator('#file').setInputFiles([...files, no]);
    await hasAnswers(visit, 4);
    forgive(visit, 1);
    await visit.until(() => document.getElementById('progress').textContent.startsWith('4 images'), null, 'the end of four images');
    visit.expect(await page.locator('#input').innerText() === files[0].name, 'the first image is not shown');
    visit.expect(await page.locator('#rest tbody tr').count() === model.classes.length - 5, 'classes are missing');
    await visit.look('several');

    // The second image, from the keyboard.
    await page.locator('#answers button.entry').nth(2).focus();
    await page.keyboard.press('Enter');
    visit.expect(await page.locator('#input').innerText() === files[1].name, 'another answer than the chosen one');

    await page.evaluate(bytes => {
      const clipboardData = new DataTransfer();
      const content = Uint8Array.from(atob(bytes), letter => letter.charCodeAt(0));
      clipboardData.items.add(new File([content], 'image.png', { type: 'image/png' }));
      dispatchEvent(new ClipboardEvent('paste', { clipboardData }));
    }, files[2].buffer.toString('base64'));
    await hasAnswers(visit, 5);

    await page.getByRole('button', { name: 'Use the camera' }).click();
    await visit.until(() => document.getElementById('video').videoWidth > 0, null, 'the camera');
    await visit.look('camera');
    await page.keyboard.press('Enter');
    await hasAnswers(visit, 6);
    await page.getByRole('button', { name: 'Close the camera' }).focus();
    await page.keyboard.press('Escape');
    visit.expect(await page.locator('#camera').isHidden(), 'the camera stays');

    const lines = await saved(visit);
    visit.expect(lines[0] === 'input,prediction,probability,familiarity,notes,error', `head: ${lines[0]}`);
    visit.expect(lines.length === 7 && lines[1].startsWith(`${files[0].name},`), `lines: ${lines}`);
    visit.expect(lines[4].startsWith('"a ""note"", too.png",,,,,'), `quoted: ${lines[4]}`);
    await expectReport(visit);

    // Elsewhere than at localhost and without https, browsers have no camera for pages.
    await visit.context.addInitScript(() => Object.defineProperty(navigator, 'mediaDevices', { value: undefined }));
    await page.reload();
    visit.expect((await page.locator('#camera-hint').innerText()).includes('https'), 'nothing says why there is no camera');
    visit.expect(await page.locator('#photo-label').isVisible(), 'there is no way to take a photo');
    await visit.look('no-camera');
  },

  async text(visit, { form }) {
    const { page } = visit;
    await visit.until(() => document.getElementById('words'), null, 'the form');
    await tabTo(visit, 'words');
    await page.keyboard.insertText('The library knows no command line and no colours. '.repeat(form.max_tokens));
    await tabTo(visit, 'send');
    await page.keyboard.press('Enter');
    await hasAnswers(visit, 1);
    const note = await page.locator('#words-note').innerText();
    visit.expect(/^Read up to character \d+ of \d+: “….*”\. Not read: “.+…”$/.test(note), `where it was cut: ${note}`);
    visit.expect((await page.locator('#notes').innerText()).includes('characters were read'), 'the answer does not say that it was cut');
    await visit.look('cut');

    await page.getByRole('textbox', { name: 'Text' }).fill(' ');
    await page.getByRole('button', { name: 'Predict' }).click();
    await hasAnswers(visit, 2);
    forgive(visit, 1);
    visit.expect(await page.locator('#words-note').innerText() === 'the text is empty', 'nothing at the field');
    visit.expect(await page.evaluate(() => document.activeElement.id) === 'words', 'the field has not the focus');
    visit.expect((await saved(visit)).length === 3, 'answers are missing');
    await visit.look('empty');
    await expectReport(visit);
  },

  async row(visit) {
    const { page } = visit;
    const field = name => page.getByLabel(name, { exact: true });
    const note = async name => page.locator(`#${await field(name).getAttribute('aria-describedby')}`).innerText();
    await page.getByRole('button', { name: 'Predict' }).click();
    visit.expect(await page.locator('#form-note').innerText() === 'Fill in at least one field.', 'an empty form');
    visit.expect(await rows(visit).count() === 0, 'an empty form was sent');

    await field('age').fill('500');
    await field('hours').fill('3.5');
    await field('hours').press('Enter');
    await hasAnswers(visit, 1);
    visit.expect((await note('age')).includes('500 is outside the training data'), `age: ${await note('age')}`);
    visit.expect(await note('hours') === '' && await page.locator('#form-note').innerText() === '', 'a note too many');
    await visit.look('outside');

    await field('age').fill('old');
    await field('other').fill('x, "y"');
    await page.getByRole('button', { name: 'Predict' }).click();
    await hasAnswers(visit, 2);
    forgive(visit, 1);
    for (const [name, value] of [['age', 'old'], ['other', 'x, "y"']]) {
      visit.expect(await note(name) === `column \`${name}\` holds numbers, and this is \`${value}\``, `${name}: ${await note(name)}`);
      visit.expect(await field(name).getAttribute('aria-invalid') === 'true', `${name} is not marked`);
    }
    await visit.look('invalid');
    const lines = await saved(visit);
    visit.expect(lines[0].endsWith('prediction,probability,familiarity,notes,error') && lines[0].includes('age'), `head: ${lines[0]}`);
    visit.expect(lines.length === 3 && lines[2].includes('"x, ""y"""'), `lines: ${lines}`);
    // The earlier answer again.
    await page.locator('#answers button.entry').nth(1).click();
    visit.expect(!await page.locator('#message.bad').isVisible() && (await message(visit)) !== '', 'the earlier answer is gone');
    await expectReport(visit);
  },
};

await served(defrost, words, 'answers', tries);
