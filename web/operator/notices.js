import { element, make } from './dom.js';

const { setTimeout } = globalThis;
const SHOWN_MS = { good: 6000, bad: 20_000 };
const MAX = 4;

/** Says what happened, also to readers of the screen. @param kind `good` or `bad`. */
export function tell(kind, text) {
  const list = element('notices');
  const close = make('button', { type: 'button', className: 'plain' }, 'Dismiss');
  const notice = make('div', { className: 'notice' }, make('p', {}, text), close);
  notice.dataset.kind = kind;
  close.addEventListener('click', () => notice.remove());
  list.append(notice);
  while (list.children.length > MAX) list.firstChild.remove();
  setTimeout(() => notice.remove(), SHOWN_MS[kind]);
}

/** Does it and says what REST refused. @returns true when it was done. */
export async function attempt(what, job, say = tell) {
  try {
    await job();
    return true;
  } catch (error) {
    say('bad', `${what}: ${error.message}`);
    return false;
  }
}
