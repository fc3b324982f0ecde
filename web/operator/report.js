import { make, named } from './dom.js';
import { fileUrl } from './rest.js';
import {
  bytes,
  cause,
  clock,
  codecs,
  count,
  duration,
  FILE_STATES,
  line,
  missing,
  stopReason,
} from './words.js';

/** One file with its integrity report. @param isOpen shown at once. */
export function partView(part, report, isOpen) {
  const { fileName, durationMs, fileState, incidents, lostMs } = part;
  const trouble = incidents > 0 ? missing(lostMs) : '';
  const facts = line(
    duration(durationMs),
    bytes(part.bytes),
    codecs(part),
    fileState === 'present' ? '' : FILE_STATES[fileState],
    trouble,
  );
  const title = make('summary', {}, named(fileName), make('span', { className: 'quiet' }, facts));
  const body = report === undefined ? noReport() : reportViews(report);
  const isThere = fileState === 'present';
  const download = make('a', { className: 'button', download: '', href: `${fileUrl(part)}?download` });
  download.append('Download');
  download.ariaLabel = `Download ${fileName}`;
  return make('details', { open: isOpen }, title, ...body, ...(isThere ? [make('p', {}, download)] : []));
}

function noReport() {
  return [make('p', { className: 'quiet' }, 'There is no integrity report of it.')];
}

function reportViews(report) {
  const { tracks, incidents, incidentsLeftOut, sha256, ffmpeg, stopReason: reason } = report;
  const more = incidentsLeftOut > 0 ? [make('li', {}, count(incidentsLeftOut, 'more incident'))] : [];
  return [
    verdict(report),
    ...(incidents.length > 0
      ? [make('ul', { className: 'incidents' }, ...incidents.map(incidentView), ...more)]
      : []),
    trackTable(tracks),
    ...ffmpegViews(ffmpeg, `ended because ${stopReason(reason)}`),
    make('p', { className: 'quiet' }, 'SHA-256 ', make('code', {}, sha256 ?? 'is not known yet')),
  ];
}

/** The one sentence that people look for. */
function verdict({ tracks, incidents }) {
  const isKnown = incidents.every(({ lostMs }) => lostMs !== null);
  const lostMs = isKnown ? incidents.reduce((sum, incident) => sum + incident.lostMs, 0) : null;
  const isWhole = lostMs === 0 && tracks.every((track) => isComplete(track) !== false);
  const made = make('p', { className: 'verdict' }, isWhole ? wholeness(tracks) : loss(lostMs));
  made.dataset.kind = isWhole ? 'good' : 'bad';
  return made;
}

function wholeness(tracks) {
  return tracks.some(isComplete)
    ? 'Everything that was received is in the file.'
    : 'Nothing is known to be missing.';
}

function loss(lostMs) {
  return lostMs === 0 ? 'Not all that was received is in the file.' : `Media is lost: ${missing(lostMs)}.`;
}

/** Undefined where nobody knows, and where the file holds another codec. */
function isComplete({ packetsIn, packetsInFile, transcoded }) {
  if (packetsIn === null || packetsInFile === null || transcoded !== false) return undefined;
  return packetsIn === packetsInFile;
}

function incidentView({ cause: word, from, to, lostMs, packets, detail }) {
  const when = to - from >= 1000 ? `${clock(from)} – ${clock(to)}` : clock(from);
  const many = packets === undefined ? '' : count(packets, 'packet');
  const text = line(`${cause(word)}: ${missing(lostMs)}`, many, detail ?? '');
  const made = make('li', {}, make('span', { className: 'number' }, when), ' ', text);
  made.dataset.kind = lostMs === 0 ? 'plain' : 'bad';
  return made;
}

function trackTable(tracks) {
  const head = ['Track', 'Received', 'In the file'].map((text) => make('th', { scope: 'col' }, text));
  const rows = tracks.map((track) => {
    const name = make('th', { scope: 'row' }, `${track.kind}, ${track.codec}`);
    const { packetsIn, bytesIn, packetsInFile, bytesInFile, transcoded } = track;
    const inFile = transcoded === true ? `${amount(packetsInFile, bytesInFile)}, transcoded` : undefined;
    const cells = [amount(packetsIn, bytesIn), inFile ?? amount(packetsInFile, bytesInFile)];
    return make('tr', {}, name, ...cells.map((cell) => make('td', {}, cell)));
  });
  return make('table', {}, make('thead', {}, make('tr', {}, ...head)), make('tbody', {}, ...rows));
}

function amount(packets, size) {
  if (packets === null) return 'not known';
  return line(count(packets, 'packet'), size === null ? '' : bytes(size));
}

function ffmpegViews({ version, exitCode, signal, lastLines = [] }, why) {
  const end = signal ?? (exitCode === null ? '' : `exit code ${exitCode}`);
  const text = make('p', { className: 'quiet' }, line(why, `FFmpeg ${version ?? ''}`, end));
  if (lastLines.length === 0) return [text];
  const ariaLabel = 'What FFmpeg said last';
  return [text, make('pre', { tabIndex: 0, role: 'region', ariaLabel }, lastLines.join('\n'))];
}
