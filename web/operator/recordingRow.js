import { isBusy, make, named, setBusy, setText, show } from './dom.js';
import { attempt, tell } from './notices.js';
import { loadPicture } from './pictures.js';
import { downloadUrl, pictureUrl, rest } from './rest.js';
import { bytes, codecs, count, duration, FILE_STATES, HOOK_STATES, line, minute, missing } from './words.js';

const { JSON } = globalThis;

/** Has the hook of a recording run again. @param say tells how that went. */
export async function runHook({ recordingId, streamName }, button, say = tell) {
  if (isBusy(button)) return;
  setBusy(button, true);
  const what = `The hook of ${streamName}`;
  const run = () => rest('/catalogue/run_hook', { recordingId });
  if (await attempt(`${what} cannot be run`, run, say)) say('good', `${what} is run again.`);
  setBusy(button, false);
}

export const isPlayable = ({ fileStates }) => (fileStates.present ?? 0) > 0;

/** What is worth to be seen in a list: text, and how good it is. */
export function badgesOf({ state, fileStates, hookStates, incidents, lostMs, partCount }) {
  const of = (n) => (partCount > 1 ? `${n} of ${partCount} ` : '');
  const files = ['moved', 'gone'].filter((each) => fileStates[each] > 0);
  const hooks = ['pending', 'running', 'parked', 'failed', 'done'].filter((each) => hookStates[each] > 0);
  return [
    ...(state === 'recording' ? [['being recorded', 'busy']] : []),
    ...files.map((each) => [
      `${of(fileStates[each])}${FILE_STATES[each]}`,
      each === 'gone' ? 'bad' : 'plain',
    ]),
    ...(incidents > 0
      ? [[`${count(incidents, 'incident')}, ${missing(lostMs)}`, lostMs === 0 ? 'plain' : 'bad']]
      : []),
    ...hooks.map((each) => [
      each === 'done' && hookStates.done === partCount
        ? HOOK_STATES.done
        : `${of(hookStates[each])}${HOOK_STATES[each]}`,
      { parked: 'bad', failed: 'bad', done: 'good' }[each] ?? 'busy',
    ]),
  ];
}

/** A finished recording in the list. */
export class RecordingRow {
  #recording;
  #shown = '';
  #image = make('img', { alt: '', hidden: true });
  #length = make('span', { className: 'length' });
  #thumb = make('button', { type: 'button', className: 'thumb' });
  #meta = make('p', { className: 'meta' });
  #badges = make('p', { className: 'badges' });
  #again = make('button', { type: 'button' }, 'Run hook again');
  #download = make('a', { className: 'button', download: '' }, 'Download');

  /** @param actions `play`, `details` and `remove`: what happens to the recording that they are given. */
  constructor(recording, actions) {
    this.#recording = recording;
    const { streamName } = recording;
    const details = make('button', { type: 'button', ariaLabel: `Details of ${streamName}` }, 'Details');
    const remove = make('button', { type: 'button', ariaLabel: `Delete ${streamName}` }, 'Delete');
    this.#thumb.append(this.#image, make('span', { className: 'glyph' }), this.#length);
    this.#again.ariaLabel = `Run hook again for ${streamName}`;
    this.#download.ariaLabel = `Download ${streamName}`;
    this.#thumb.addEventListener('click', () => actions.play(this.#recording));
    details.addEventListener('click', () => actions.details(this.#recording));
    remove.addEventListener('click', () => actions.remove(this.#recording));
    this.#again.addEventListener('click', () => void runHook(this.#recording, this.#again));
    this.element = make(
      'li',
      { className: 'recording' },
      this.#thumb,
      make('div', { className: 'what' }, make('h3', {}, named(streamName)), this.#meta, this.#badges),
      make('div', { className: 'actions' }, this.#again, details, this.#download, remove),
    );
    const [first] = recording.parts;
    if (first !== undefined) loadPicture(this.#image, pictureUrl(first));
  }

  update(recording) {
    this.#recording = recording;
    const shown = JSON.stringify(recording);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const { streamName, startedAt, durationMs, partCount, parts, hookStates } = recording;
    const canPlay = isPlayable(recording);
    this.#thumb.disabled = !canPlay;
    this.#thumb.ariaLabel = canPlay
      ? `Play ${streamName}, ${duration(durationMs)}`
      : `${streamName} cannot be played`;
    setText(this.#length, duration(durationMs));
    const size = bytes(recording.bytes);
    const files = partCount > 1 ? count(partCount, 'part') : '';
    setText(this.#meta, line(minute(startedAt), size, files, parts[0] && codecs(parts[0])));
    this.#badges.replaceChildren(...badgesOf(recording).map(badge));
    show(this.#again, ((hookStates.parked ?? 0) > 0 || (hookStates.failed ?? 0) > 0) && canPlay);
    show(this.#download, canPlay);
    const url = canPlay ? downloadUrl(recording) : '';
    if (this.#download.getAttribute('href') !== url) this.#download.setAttribute('href', url);
  }
}

export function badge([text, kind]) {
  const made = make('span', { className: 'badge' }, text);
  made.dataset.kind = kind;
  return made;
}
