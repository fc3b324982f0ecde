// Is what was published in the file? Video: MD5 of every picture's slices, in order. Audio is transcoded by all, so it
// is heard instead: the source is a tone that never stops, and silence or a shorter file is what has been lost.
import { execFileSync } from 'node:child_process';

const SOUND_RATE = 48_000;
/** Loss comes in packets of 20 ms; windows of half that length lie wholly inside one, wherever it begins. */
const WINDOW_SAMPLES = SOUND_RATE / 100;
const PACKET_SAMPLES = 2 * WINDOW_SAMPLES;
/** The tone's loudest sample is about 2,900 in every window. */
const LEAST_PEAK = 1500;
/** Codec delay at both ends may hide this many packets of sound. */
const HIDDEN_PACKETS = 1;
/** Parameter sets and delimiters may move or go; slices may not (H.264, table 7-1). */
const SLICES_ONLY = 'h264_mp4toannexb,filter_units=pass_types=1|5';

function ffmpeg(path, args) {
  return execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-i', path, ...args, '-'], {
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function pictures(path, codec) {
  const filter = codec === 'h264' ? ['-bsf:v', SLICES_ONLY] : [];
  const text = ffmpeg(path, ['-map', '0:v', '-c', 'copy', ...filter, '-f', 'framemd5']).toString();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => line.split(',')[5].trim());
}

/** Packets of 20 ms between the first and the last sound, and whether it ever stops in between. */
function sound(path) {
  const bytes = ffmpeg(path, ['-map', '0:a', '-f', 's16le', '-ac', '1', '-ar', String(SOUND_RATE)]);
  const samples = new Int16Array(new Uint8Array(bytes).buffer, 0, bytes.length >> 1);
  const heard = [];
  for (let at = 0; at + WINDOW_SAMPLES <= samples.length; at += WINDOW_SAMPLES) {
    const window = samples.subarray(at, at + WINDOW_SAMPLES);
    if (window.some((sample) => Math.abs(sample) >= LEAST_PEAK)) heard.push(at / WINDOW_SAMPLES);
  }
  const windows = (heard.at(-1) ?? -1) - (heard[0] ?? 0) + 1;
  return {
    packets: Math.round((windows * WINDOW_SAMPLES) / PACKET_SAMPLES),
    lost: Math.ceil(((windows - heard.length) * WINDOW_SAMPLES) / PACKET_SAMPLES),
  };
}

/** @returns a function that says in one word, `equal`, or in numbers how a file differs from the source. */
export function webRtcComparer(sourcePath, codec) {
  const sent = { pictures: pictures(sourcePath, codec), sound: sound(sourcePath) };
  return (path) => {
    let found;
    try {
      found = { pictures: pictures(path, codec), sound: sound(path) };
    } catch {
      return 'unreadable';
    }
    const differences = [];
    if (found.pictures.join() !== sent.pictures.join())
      differences.push(`video: ${found.pictures.length}/${sent.pictures.length}`);
    const { packets, lost } = found.sound;
    if (lost > 0 || Math.abs(packets - sent.sound.packets) > HIDDEN_PACKETS)
      differences.push(`audio: ${packets}/${sent.sound.packets}, of these ${lost} silent`);
    return differences.length === 0 ? 'equal' : differences.join(', ');
  };
}
