import { element, setText } from './dom.js';
import { bytes, count, line } from './words.js';

const DISK_STATES = { ok: '', low: 'little space is left', full: 'full: nothing is recorded' };

/** The figures at the top. */
export function showOverview({ streamsTotal, recordingsTotal, finishing, waiting, disk, hooks }) {
  setText(element('streams-count'), streamsTotal.toLocaleString());
  setText(element('streams-note'), streamsTotal === 0 ? 'nobody publishes' : 'live');
  setText(element('recordings-count'), recordingsTotal.toLocaleString());
  const ending = finishing > 0 ? `${finishing} being finished` : '';
  const held = waiting > 0 ? `${count(waiting, 'waits', 'wait')} for room` : '';
  setText(element('recordings-note'), line(ending, held) || `of ${count(streamsTotal, 'stream')}`);
  showDisk(disk);
  showHooks(hooks);
}

function showDisk({ state, freeBytes, totalBytes }) {
  element('disk').dataset.state = state;
  setText(element('disk-free'), freeBytes === null ? '–' : bytes(freeBytes));
  const total = totalBytes === null ? '' : `free of ${bytes(totalBytes)}`;
  setText(element('disk-note'), line(total, DISK_STATES[state]));
  const used = freeBytes === null || !totalBytes ? 0 : 1 - freeBytes / totalBytes;
  element('disk-bar').style.width = `${(used * 100).toFixed(1)}%`;
}

function showHooks({ owed, running, parked }) {
  element('hooks').dataset.state = parked > 0 ? 'low' : 'ok';
  setText(element('hooks-count'), owed.toLocaleString());
  const runs = running > 0 ? `${running} running` : '';
  const failed = parked > 0 ? `${count(parked, 'failed run waits', 'failed runs wait')} for you` : '';
  setText(element('hooks-note'), line(runs, failed) || (owed > 0 ? 'waiting for their turn' : 'all done'));
}
