// Questions to the server, and what a probability looks like.
export const part = (id) => document.getElementById(id);

const silent = 'The server does not answer. Is it still running?';

/** The answer to a request, or why there is none. */
export async function answerOf(path, body, type) {
  try {
    return await (await fetch(path, { method: 'POST', headers: { 'Content-Type': type }, body })).json();
  } catch {
    return { error: silent };
  }
}

/** What the run is, or undefined. */
export async function modelOf() {
  try {
    return await (await fetch('/model')).json();
  } catch {
    part('message').textContent = silent;
    part('message').className = 'bad';
    return undefined;
  }
}

export function percent(probability) {
  return `${(probability * 100).toFixed(1)}\u00a0%`;
}

/** The prediction in a few words, and its probability if it has one. */
export function inWords(answer) {
  if ('number' in answer) return { said: String(answer.number) };
  if ('labels' in answer) return { said: answer.labels.join(', ') || 'no label' };
  const [{ class: said, probability }] = answer.top;
  return { said, probability };
}
