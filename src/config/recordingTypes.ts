import type { VideoCodec } from '../domain/codec.ts';
import type { Container } from '../domain/format.ts';
import { FREE_SPACE_ALLOWED, parseFreeSpaceLimit } from '../domain/freeSpace.ts';
import type { FreeSpaceLimit } from '../domain/freeSpace.ts';
import type { Rotation } from '../domain/rotation.ts';
import { ROTATION_ALLOWED, parseRotation } from '../domain/rotation.ts';
import type { SettingType } from './settingTypes.ts';
import { quote, typeOf } from './settingTypes.ts';

/** Video codecs that each container holds; FFmpeg refuses or cannot read back the others. */
const HELD: Readonly<Record<Container, readonly VideoCodec[]>> = {
  mp4: ['h264', 'hevc', 'vp9', 'av1'],
  mkv: ['h264', 'hevc', 'vp8', 'vp9', 'av1'],
  ts: ['h264', 'hevc'],
  // H.264 stands in WebM as in WCS: Matroska under the name .webm, which browsers play.
  webm: ['h264', 'vp8', 'vp9', 'av1'],
};

const FORMATS_ALLOWED =
  'a list such as h264-mp4,vp8-webm of ' +
  Object.entries(HELD)
    .map(([container, codecs]) => `${codecs.join('/')}-${container}`)
    .join(', ');

/** `record_formats`: the container of each video codec; a codec that is not listed gets the server's choice. */
export const recordFormats: SettingType<Readonly<Partial<Record<VideoCodec, Container>>>> = {
  allowed: FORMATS_ALLOWED,
  parse: (text) => {
    const formats: Partial<Record<VideoCodec, Container>> = {};
    for (const item of text.split(',').map((each) => each.trim().toLowerCase())) {
      const [codec, container] = readFormat(item);
      if (formats[codec] !== undefined) throw new RangeError(`${codec} has two containers; name one`);
      formats[codec] = container;
    }
    return Object.freeze(formats);
  },
};

function readFormat(item: string): [codec: VideoCodec, container: Container] {
  const dash = item.indexOf('-');
  const container = item.slice(dash + 1);
  const codec = HELD.mkv.find((each) => each === item.slice(0, dash));
  if (codec === undefined || !isContainer(container)) {
    throw new RangeError(`${quote(item)} is not a format; it must be ${FORMATS_ALLOWED}`);
  }
  if (!HELD[container].includes(codec)) {
    throw new RangeError(`${container} cannot hold ${codec}, only ${HELD[container].join(', ')}`);
  }
  return [codec, container];
}

const isContainer = (word: string): word is Container => Object.hasOwn(HELD, word);

/** `record_rotation`. */
export const rotation: SettingType<Rotation> = quoting(ROTATION_ALLOWED, parseRotation);

/** `disk_warn_free` and `disk_stop_free`. */
export const freeSpaceLimit: SettingType<FreeSpaceLimit> = quoting(FREE_SPACE_ALLOWED, parseFreeSpaceLimit);

/** A type whose reader says what is allowed, but not what it read. */
function quoting<T extends object>(allowed: string, read: (text: string) => T): SettingType<T> {
  const parse = (text: string): T => {
    try {
      return Object.freeze(read(text));
    } catch (error) {
      throw error instanceof RangeError ? new RangeError(`${quote(text)}: ${error.message}`) : error;
    }
  };
  return { allowed, parse };
}

const SAMPLE_RATES = [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000];

/** A sampling rate that AAC has (ISO/IEC 14496-3, table 1.18), in Hz. */
export const aacSampleRate: SettingType<number> = typeOf(`one of ${SAMPLE_RATES.join(', ')}`, (text) =>
  SAMPLE_RATES.find((rate) => String(rate) === text),
);
