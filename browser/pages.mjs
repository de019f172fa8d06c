// Opens the reports of runs as anybody would who was sent one: as files.
//
//   node pages.mjs NAME=FILE...
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { check } from './check.mjs';

/** A page longer than this on a phone is not read. */
const LONGEST = 18000;

/** What only the report of this kind of run has. */
const kinds = {
  async images(visit) {
    const { page } = visit;
    visit.expect(await page.locator('img.heat').count() > 0, 'nothing shows where the network looked');
    visit.expect(await page.locator('[aria-labelledby=training] .cases img').count() > 3, 'no batch as training saw it');
    visit.expect(await page.locator('.cases a.path[href^="file:///"]').count() > 3, 'images have no links');
    await opensACell(visit);
  },
  async texts(visit) {
    visit.expect(await visit.page.locator('blockquote mark').count() > 3, 'no word is shaded');
    visit.expect(await visit.page.locator('[aria-labelledby=training] .cases blockquote').count() > 3, 'no batch as training saw it');
  },
  async rows(visit) {
    await columnsMatter(visit);
  },
  async numbers(visit) {
    await columnsMatter(visit);
  },
};

/** The items behind a number of the confusion matrix are shown when it is chosen, by keyboard alone. */
async function opensACell(visit) {
  const { page } = visit;
  const open = () => page.locator('.opened').filter({ visible: true }).count();
  visit.expect(await open() === 0, 'a pair of classes is open before it was chosen');
  await page.locator('.matrix a').first().focus();
  await page.keyboard.press('Enter');
  visit.expect(await open() === 1, 'the number of the matrix opens nothing');
  visit.expect(await page.locator('.opened:target img').count() > 0, 'no image behind the number');
  await visit.look('opened');
  await page.locator('.opened:target a', { hasText: 'Close' }).press('Enter');
  visit.expect(await open() === 0, 'it does not close');
}

/** The column that decides comes first, and errors stand in one table each. */
async function columnsMatter(visit) {
  const { page } = visit;
  const first = await page.locator('.importance tbody th').first().textContent();
  visit.expect(first === 'age', `the column that matters most is ${first}`);
  visit.expect(await page.locator('[aria-labelledby=errors] ul.cases').count() === 0, 'rows are shown as cards');
}

/** On paper everything is unfolded, on A4 and on letter. */
async function prints(visit) {
  const { page } = visit;
  await page.emulateMedia({ media: 'print' });
  const folded = await page.evaluate(() => [...document.querySelectorAll('details > :not(summary)')]
    .filter(element => element.getBoundingClientRect().height === 0).length);
  visit.expect(folded === 0, `${folded} parts are folded on paper`);
  await page.emulateMedia({ media: null });
  for (const format of ['A4', 'Letter']) await visit.print(format);
}

for (const word of process.argv.slice(2)) {
  const [name, file] = word.split('=');
  await check(name, pathToFileURL(resolve(file)).href, async visit => {
    const height = await visit.page.evaluate(() => document.documentElement.scrollHeight);
    visit.expect(visit.width > 500 || height < LONGEST, `the page is ${height} px long on a phone`);
    if (visit.scheme === 'light' && visit.width > 500) await prints(visit);
    await visit.look();
    visit.expect(await visit.page.locator('.verdict td.bar').count() > 1, 'no results beside each other');
    await kinds[name]?.(visit);
  });
}
