import type { RecordingInfo, RecordingLoad, RecordingOptions } from '../domain/recording.ts';
import type { RecorderCounts } from '../recorder/recorderCounts.ts';
import type { Recordings } from '../recorder/recordings.ts';
import type { RecordingControl } from '../streams/contracts.ts';
import type { Stream } from '../streams/stream.ts';
import type { IngestWorker } from './ingestWorker.ts';
import type { IngestWorkers } from './ingestWorkers.ts';
import { channelOf } from './mirroredStream.ts';

/** The recordings of the whole server: each is asked of the process that has it. */
export class RoutedRecordings implements RecordingControl {
  readonly #own: Recordings;
  readonly #workers: IngestWorkers;

  constructor(own: Recordings, workers: IngestWorkers) {
    this.#own = own;
    this.#workers = workers;
  }

  get counts(): RecorderCounts {
    return this.#own.counts;
  }

  async start(stream: Stream, options: RecordingOptions): Promise<void> {
    const channel = channelOf(stream);
    if (channel === undefined) this.#own.start(stream, options);
    else await channel.call('startRecording', { mediaSessionId: stream.mediaSessionId, options });
  }

  async stop(mediaSessionId: string): Promise<void> {
    const worker = this.#recorderOf(mediaSessionId);
    if (worker === undefined) await this.#own.stop(mediaSessionId);
    else await worker.channel.call('stopRecording', mediaSessionId);
  }

  list(): readonly RecordingInfo[] {
    return [...this.#own.list(), ...this.#workers.all.flatMap(({ mirror }) => mirror.recordings)];
  }

  of(mediaSessionId: string): RecordingInfo | undefined {
    return (
      this.#recorderOf(mediaSessionId)?.mirror.recordingOf(mediaSessionId) ?? this.#own.of(mediaSessionId)
    );
  }

  isWaiting(mediaSessionId: string): boolean {
    return (
      this.#own.isWaiting(mediaSessionId) ||
      this.#workers.all.some(({ mirror }) => mirror.isWaiting(mediaSessionId))
    );
  }

  load(): RecordingLoad {
    const loads = [this.#own.load(), ...this.#workers.all.map(({ mirror }) => mirror.load)];
    const sum = (of: keyof RecordingLoad): number => loads.reduce((total, load) => total + load[of], 0);
    return { active: sum('active'), finishing: sum('finishing'), waiting: sum('waiting') };
  }

  async whenFinal(stream: Stream): Promise<string | undefined> {
    const channel = channelOf(stream);
    if (channel === undefined) return this.#own.whenFinal(stream);
    // What a worker left that died is finished by the supervisor; nobody knows its name before.
    return channel.call('whenFinal', stream.mediaSessionId).catch(() => undefined);
  }

  #recorderOf(mediaSessionId: string): IngestWorker | undefined {
    return this.#workers.all.find(
      ({ mirror }) =>
        mirror.recordingOf(mediaSessionId) !== undefined ||
        mirror.isWaiting(mediaSessionId) ||
        mirror.streamOf(mediaSessionId) !== undefined,
    );
  }
}
