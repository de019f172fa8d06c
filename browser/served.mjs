// Runs in the page of `defrost serve`, one after the other.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { check } from './check.mjs';

/** Serves each run of these words, `NAME=RUN`, and looks at its page as `NAME` behind `prefix`; `tries` says what to do by its kind of data. */
export async function served(defrost, words, prefix, tries) {
  for (const word of words) {
    const [name, run] = word.split('=');
    const server = spawn(defrost, ['serve', run, '--port', '0', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const over = once(server, 'exit');
    try {
      const [line] = await once(createInterface(server.stdout), 'line');
      const { url } = JSON.parse(line);
      const model = await (await fetch(`${url}/model`)).json();
      await check(`${prefix}-${name}`, url, visit => tries[model.form.kind](visit, model));
    } finally {
      server.kill();
      await over;
    }
  }
}
