import { element, make, named } from './dom.js';
import { badge, badgesOf, runHook } from './recordingRow.js';
import { partView } from './report.js';
import { rest, restList } from './rest.js';
import { bytes, count, duration, line, period, protocol, stopReason, time } from './words.js';

/** Parts that are told of; more than these nobody reads. */
const MAX_PARTS = 100;

/** What is known of a recording: facts, its hook, and the integrity report of each file. */
export class Details {
  #dialog = element('details');
  #body = element('details-body');

  async open({ recordingId, streamName }) {
    element('details-title').replaceChildren(named(streamName));
    this.#body.replaceChildren(make('p', { className: 'quiet' }, 'Loading …'));
    this.#dialog.showModal();
    try {
      const [recording, reports, runs] = await Promise.all([
        rest('/catalogue/recording', { recordingId, limit: MAX_PARTS }),
        restList('/reports/find', { recordingId, limit: 1000 }, []),
        restList('/hooks/find_all', {}, []),
      ]);
      const own = runs.filter((run) => run.recordingId === recordingId);
      this.#body.replaceChildren(...views(recording, reports, own));
    } catch (error) {
      this.#body.replaceChildren(make('p', { className: 'problem' }, error.message));
    }
  }
}

function views(recording, reports, runs) {
  const { parts, partCount } = recording;
  const byPart = new Map(reports.map((report) => [report.partIndex, report]));
  const left = partCount - parts.length;
  return [
    factsView(recording),
    make('p', { className: 'badges' }, ...badgesOf(recording).map(badge)),
    ...hookViews(recording, runs),
    make('h3', {}, partCount === 1 ? 'File' : `Files (${partCount.toLocaleString()})`),
    ...parts.map((part) => partView(part, byPart.get(part.partIndex), partCount === 1)),
    ...(left > 0 ? [make('p', { className: 'quiet' }, `${count(left, 'more file')}.`)] : []),
  ];
}

function factsView({ startedAt, endedAt, durationMs, mediaProvider, stopReason: reason, ...rest }) {
  const facts = [
    ['Recorded', period(startedAt, endedAt)],
    ['Media', line(duration(durationMs), bytes(rest.bytes))],
    ['Published by', protocol(mediaProvider)],
    ['It ended because', reason === null ? 'it has not ended' : stopReason(reason)],
    ['Recording', rest.recordingId],
    ['Media session', rest.mediaSessionId],
  ];
  const rows = facts.map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value)));
  return make('dl', { className: 'facts' }, ...rows);
}

function hookViews(recording, runs) {
  const { hookStates } = recording;
  if (Object.keys(hookStates).every((state) => state === 'none')) return [];
  const again = make('button', { type: 'button' }, 'Run hook again');
  // Notices are behind the dialog.
  const answer = make('p', { role: 'status' });
  const say = (kind, text) => {
    answer.textContent = text;
    answer.className = kind;
  };
  again.addEventListener('click', () => void runHook(recording, again, say));
  return [make('h3', {}, 'Hook'), ...runs.map(runView), make('p', {}, again), answer];
}

function runView({ state, fileName, tries, reason, output, nextTry }) {
  const next = nextTry === null ? '' : `next try ${time(nextTry)}`;
  const tried = tries > 0 ? count(tries, 'try', 'tries') : '';
  const text = make('p', {}, named(fileName), `: ${line(state, tried, reason ?? '', next)}`);
  if (output === null || output === '') return text;
  const ariaLabel = `What the hook printed for ${fileName}`;
  return make('div', {}, text, make('pre', { tabIndex: 0, role: 'region', ariaLabel }, output));
}
