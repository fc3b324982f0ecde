import type { RecordFormat } from '../domain/format.ts';
import type { AudioTrack, Sample, Track } from '../domain/media.ts';

/**
 * From here on a hole in the audio is filled while it lasts. Longer than a pause of DTX (400 ms); shorter than the
 * second for which FFmpeg's muxers hold video back for audio, so that the file is in order and cut right.
 */
const AFTER_US = 800_000;
/** Filled up to this far behind the video: audio that is only delayed still finds its place. */
const BEHIND_US = 500_000;

/** To encode an hour of silence would take FFmpeg longer than it may be behind. */
const LONGEST_US = 60_000_000;

/** 20 ms of CELT silence at full band, mono (RFC 6716, 3.1); a decoder makes it stereo where the track is. */
const OPUS_SILENCE = Buffer.from('f8fffe', 'hex');
/** Zero level of G.711, A-law and µ-law. */
const PCMA_ZERO = 0xd5;
const PCMU_ZERO = 0xff;

/**
 * Silence for transcoded audio that has stopped while video goes on, such as a muted microphone. FFmpeg itself fills
 * a hole when it has ended, with everything at once: the file would hold the audio of the hole far behind its video,
 * and FFmpeg all of it in memory.
 */
export class Silence {
  readonly #audioId: number;
  readonly #data: Buffer;
  #lastUs: number | undefined;

  private constructor(audio: AudioTrack, data: Buffer) {
    this.#audioId = audio.id;
    this.#data = data;
  }

  /** @returns undefined where no silence is needed: audio that is copied, or codecs without loss. */
  static for(tracks: readonly Track[], format: RecordFormat): Silence | undefined {
    const audio = tracks.find((track) => track.kind === 'audio');
    const data = audio === undefined ? undefined : silenceOf(audio);
    const isNeeded = format.audio !== 'copy' && tracks.length > 1;
    return isNeeded && audio !== undefined && data !== undefined ? new Silence(audio, data) : undefined;
  }

  /** What is to be written before this sample, which is the next of its child: usually nothing. */
  before({ trackId, dts }: Sample): Sample | undefined {
    const lastUs = (this.#lastUs ??= dts);
    if (trackId === this.#audioId) {
      this.#lastUs = Math.max(lastUs, dts);
      return undefined;
    }
    if (dts - lastUs <= AFTER_US) return undefined;
    return this.#at(dts - BEHIND_US);
  }

  /** True when FFmpeg can be given all the silence until `us` in one go. */
  reaches(us: number): boolean {
    return us - (this.#lastUs ?? us) <= LONGEST_US;
  }

  /** What is to be written when no track has had media until `us`, where it goes on. */
  *across(us: number): Generator<Sample> {
    while (this.#lastUs !== undefined && us - this.#lastUs > AFTER_US)
      yield this.#at(this.#lastUs + BEHIND_US);
  }

  #at(us: number): Sample {
    this.#lastUs = us;
    return { trackId: this.#audioId, dts: us, pts: us, key: true, data: this.#data };
  }
}

function silenceOf({ codec, channels }: AudioTrack): Buffer | undefined {
  if (codec === 'opus') return OPUS_SILENCE;
  const bytes = 160 * channels;
  if (codec === 'pcma') return Buffer.alloc(bytes, PCMA_ZERO);
  return codec === 'pcmu' ? Buffer.alloc(bytes, PCMU_ZERO) : undefined;
}
