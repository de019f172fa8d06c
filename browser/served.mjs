// Pages that the command serves, and runs in the page of `defrost serve`, one after the other.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { check } from './check.mjs';

/** Starts a command that serves a page, and says where; `close` ends it. */
export async function started(defrost, words) {
  const server = spawn(defrost, [...words, '--port', '0', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const over = once(server, 'exit');
  const [line] = await once(createInterface(server.stdout), 'line');
  const close = () => { server.kill(); return over; };
  return { url: JSON.parse(line).url, close };
}

/** Serves each run of these words, `NAME=RUN`, and looks at its page as `NAME` behind `prefix`; `tries` says what to do by its kind of data. */
export async function served(defrost, words, prefix, tries) {
  for (const word of words) {
    const [name, run] = word.split('=');
    const { url, close } = await started(defrost, ['serve', run]);
    try {
      const model = await (await fetch(`${url}/model`)).json();
      await check(`${prefix}-${name}`, url, visit => tries[model.form.kind](visit, model));
    } finally {
      await close();
    }
  }
}
