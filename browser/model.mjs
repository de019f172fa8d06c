// The page of one trained network, as `defrost export --format web` writes it: a folder behind a server, also after the server has gone, and one file opened
// from the disk. Both answer a picture with the same probabilities.
//
//   node model.mjs SITE PAGE
import { dirname } from 'node:path';
import { check, views } from './check.mjs';
import { serve } from './static.mjs';

const [site, page] = process.argv.slice(2);
const { url, close } = await serve(site);
const isReady = () => document.documentElement.dataset.ready === 'true';
const photo = new URL('../samples/clothing/dress/02.jpg', import.meta.url).pathname;

async function answer(visit) {
  await visit.until(isReady, null, 'the network', 300);
  await visit.page.setInputFiles('#ask input[type=file]', photo);
  await visit.page.waitForSelector('#ask img.heat', { state: 'attached', timeout: 120_000 });
  return visit.page.$$eval('#ask li', items => items.map(item => `${item.children[0].textContent} ${item.children[1].textContent}`).join(', '));
}

const said = new Set();
for (const view of [views[0], views[3]]) {
  await check('model', url, async visit => {
    said.add(await answer(visit));
    await visit.look();
    // Without a network, once it has been loaded.
    await visit.until(() => document.documentElement.dataset.offline === 'true', null, 'what works offline', 120);
    await visit.context.setOffline(true);
    await visit.page.reload();
    said.add(await answer(visit));
  }, [view]);
}
await check('single', `file://${page}`, async visit => {
  said.add(await answer(visit));
  await visit.look();
}, [views[1]]);
console.log([...said].join('\n'));
if (said.size !== 1) {
  console.log(`the answers differ in ${dirname(site)}`);
  process.exitCode = 1;
}
close();
