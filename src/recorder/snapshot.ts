import { RecorderdError } from '../domain/errors.ts';
import type { Logger } from '../domain/log.ts';
import { matroskaWriter } from '../media/matroskaWriter.ts';
import { filterProgram } from '../process/filterProgram.ts';
import type { Snapshots } from '../streams/contracts.ts';
import type { KeyFrame } from '../streams/gopCache.ts';
import type { Stream } from '../streams/stream.ts';
import { Slots } from '../util/slots.ts';

export interface SnapshotOptions {
  readonly ffmpegPath: string;
  readonly timeoutMs: number;
  /** Bound on one PNG. */
  readonly maxBytes: number;
  /** Bound on width times height: decoding takes several bytes of memory for each pixel. */
  readonly maxPixels: number;
  /** FFmpegs at the same time. */
  readonly parallel: number;
  /** Snapshots that may wait for one of these. */
  readonly maxWaiting: number;
}

/** Pictures of live streams: the newest key frame, decoded by an FFmpeg of its own. */
export class KeyFrameSnapshots implements Snapshots {
  readonly #options: SnapshotOptions;
  readonly #log: Logger;
  readonly #slots: Slots;

  constructor(options: SnapshotOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
    this.#slots = new Slots(options.parallel, options.maxWaiting);
  }

  async take(stream: Stream): Promise<Buffer> {
    if (this.#slots.isFull) throw new RecorderdError('SNAPSHOT_FAILED', 'too many snapshots are being taken');
    return this.#slots.run(async () => {
      const frame = stream.keyFrame;
      if (frame === undefined)
        throw new RecorderdError('SNAPSHOT_FAILED', `${stream.name} has no picture yet`);
      try {
        return await this.#decode(frame);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.#log.warn('snapshot failed', {
          stream: stream.name,
          mediaSessionId: stream.mediaSessionId,
          err: error,
        });
        throw new RecorderdError('SNAPSHOT_FAILED', `no picture of ${stream.name}: ${reason}`, {
          cause: error,
        });
      }
    });
  }

  async #decode({ track, sample }: KeyFrame): Promise<Buffer> {
    const { ffmpegPath: command, timeoutMs, maxBytes: maxOutputBytes } = this.#options;
    const writer = matroskaWriter([track]);
    const input = Buffer.concat([writer.header(), ...writer.batch([sample])]);
    const png = await filterProgram({ command, args: this.#args(), input, timeoutMs, maxOutputBytes });
    if (png.length === 0) throw new Error('the key frame cannot be decoded');
    return png;
  }

  #args(): string[] {
    return [
      ...['-nostdin', '-hide_banner', '-loglevel', 'error', '-threads', '1'],
      // Declared sizes may lie: the decoder itself refuses what is too large.
      ...['-max_pixels', String(this.#options.maxPixels), '-f', 'matroska', '-i', 'pipe:0'],
      ...['-map', '0:v:0', '-frames:v', '1', '-threads', '1', '-c:v', 'png', '-f', 'image2pipe', 'pipe:1'],
    ];
  }
}
