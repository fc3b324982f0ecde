const { Intl } = globalThis;
const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const MINUTE = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

const PROTOCOLS = { Flash: 'RTMP', WebRTC: 'WebRTC', RTSP: 'RTSP' };

const STOP_REASONS = {
  'publisher-left': 'the publisher left',
  'rest-stop': 'it was stopped',
  replaced: 'another recording took over',
  rotation: 'the next part began',
  'track-change': 'the media changed',
  gap: 'the publisher was away',
  'child-died': 'FFmpeg ended before its time',
  'disk-full': 'the disk was full',
  shutdown: 'the server was stopped',
  crash: 'the server was killed',
  error: 'of an error',
  unknown: 'nobody told',
};

const CAUSES = {
  'publisher-away': 'The publisher was away',
  'source-lost': 'The source was lost and reached again',
  'timestamps-leapt': 'Timestamps leapt and were mended',
  'packets-lost': 'Packets were lost on the way',
  'track-changed': 'The media changed',
  'not-recorded': 'Media was dropped',
  'disk-full': 'The disk was full',
  'child-died': 'FFmpeg ended before its time',
  'server-died': 'The server was killed',
};

export const FILE_STATES = { moved: 'moved by its hook', gone: 'gone' };

export const HOOK_STATES = {
  pending: 'hook waits',
  running: 'hook runs',
  done: 'hook done',
  parked: 'hook failed',
  failed: 'hook lost',
};

/** Null where an older version recorded it. */
export const protocol = (provider) => PROTOCOLS[provider] ?? provider ?? '–';
export const stopReason = (reason) => STOP_REASONS[reason] ?? reason;
export const cause = (word) => CAUSES[word] ?? word;

export const period = (from, to) => TIME.formatRange(from, to);
export const time = (ms) => TIME.format(ms);
export const minute = (ms) => MINUTE.format(ms);
export const clock = (ms) => CLOCK.format(ms);

export function count(n, one, many = `${one}s`) {
  return `${n.toLocaleString()} ${n === 1 ? one : many}`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Three digits or more, in steps of 1,000. */
export function bytes(n) {
  return scaled(n, UNITS);
}

export function bitrate(bitsPerSecond) {
  return scaled(bitsPerSecond, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s']);
}

function scaled(n, units) {
  let [value, unit] = [n, 0];
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toFixed(unit === 0 || value >= 99.95 ? 0 : 1)} ${units[unit]}`;
}

/** As a clock counts: 0:07, 12:03, 1:02:03. */
export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (n) => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** About how long: 12 s, 5 min, 3 h 20 min, 4 d 2 h. */
export function age(ms) {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.max(0, Math.floor(ms / 1000))} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How much media is missing. */
export function missing(lostMs) {
  if (lostMs === null) return 'how much is missing is not known';
  if (lostMs === 0) return 'nothing is missing';
  return lostMs < 1000 ? `${Math.round(lostMs)} ms missing` : `${(lostMs / 1000).toFixed(1)} s missing`;
}

/** `H264 + AAC`. */
export function codecs({ videoCodec, audioCodec }) {
  return [videoCodec, audioCodec].filter((codec) => codec !== null).join(' + ');
}

/** Facts in one line. */
export const line = (...facts) => facts.filter((fact) => fact !== undefined && fact !== '').join(' · ');
