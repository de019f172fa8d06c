// Opens the reports of runs as anybody would who was sent one: as files.
//
//   node pages.mjs NAME=FILE...
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { check } from './check.mjs';

for (const word of process.argv.slice(2)) {
  const [name, file] = word.split('=');
  await check(name, pathToFileURL(resolve(file)).href, async visit => {
    await visit.look();
    visit.expect(await visit.page.locator('.verdict td.bar').count() > 1, 'no results beside each other');
    if (visit.scheme === 'light' && visit.width > 500) await visit.print();
  });
}
