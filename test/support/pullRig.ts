import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CaptureGap } from '../../src/ingest/pull/capture.ts';
import { PulledCaptures } from '../../src/ingest/pull/pulledCaptures.ts';
import type { PullOptions } from '../../src/ingest/pull/settings.ts';
import type { Sample, Track } from '../../src/domain/media.ts';
import { DiskSpace } from '../../src/recorder/diskSpace.ts';
import { Recordings } from '../../src/recorder/recordings.ts';
import type { CaptureInfo } from '../../src/streams/captures.ts';
import type { Stream } from '../../src/streams/stream.ts';
import { Streams } from '../../src/streams/streams.ts';
import { eventually } from './eventually.ts';
import { memoryLog } from './rtmpHarness.ts';

/** As the server has them by default, but for the waits, which are short. */
export const PULL_OPTIONS: PullOptions = {
  rtspTransport: 'tcp',
  answerTimeoutMs: 5_000,
  analyzeMs: 5_000,
  batchMs: 250,
  // Another one than the recorder's, to see whether captures work with it, too.
  ffmpegPath: process.env.RECORDERD_TEST_PULL_FFMPEG ?? 'ffmpeg',
  ffmpegVersion: '5.1',
  maxCaptures: 8,
  maxFrameBytes: 8 << 20,
  connectTimeoutMs: 15_000,
  stallTimeoutMs: 10_000,
  reconnect: true,
  firstRetryMs: 500,
  maxRetryMs: 30_000,
  probeMs: 500,
  playerIdleMs: 60_000,
  failedKeepMs: 60_000,
  stopGraceMs: 2_000,
  leapBounds: { forwardMs: 10_000, backMs: 1_000 },
};

/** What one captured stream delivered. */
export interface Pulled {
  readonly stream: Stream;
  readonly tracks: Track[];
  readonly samples: Sample[];
  ended: boolean;
}

/** Captures on real streams, recorded by real children. */
export class PullRig {
  readonly streams = new Streams(1 << 22);
  readonly log = memoryLog();
  readonly pulled: Pulled[] = [];
  readonly gaps: CaptureGap[] = [];
  readonly captures: PulledCaptures;
  readonly recordsDir = mkdtempSync(join(tmpdir(), 'recorderd-pull-'));
  readonly recordings: Recordings;

  private constructor(options: Partial<PullOptions>, isRecorded: boolean) {
    const { streams, log, recordsDir } = this;
    const disk = new DiskSpace({ recordsDir, warnFree: {}, stopFree: {}, checkMs: 1000 }, log);
    this.recordings = new Recordings({
      streams,
      log,
      disk,
      settings: { ...RECORDER_SETTINGS, recordsDir },
      isAutomatic: () => isRecorded,
      onPart: () => Promise.resolve(),
    });
    const onGap = (_: Stream, gap: CaptureGap): void => void this.gaps.push(gap);
    this.captures = new PulledCaptures({ streams, log, onGap }, { ...PULL_OPTIONS, ...options });
  }

  static async start(options: Partial<PullOptions> = {}, isRecorded = true): Promise<PullRig> {
    const rig = new PullRig(options, isRecorded);
    await rig.recordings.open();
    rig.streams.events.on('published', (stream) => rig.#take(stream));
    return rig;
  }

  /** Waits for the only capture to have a status. */
  async status(status: CaptureInfo['status'], withinMs = 20_000): Promise<CaptureInfo> {
    return eventually(() => this.captures.find({ status })[0], `a capture is ${status}`, withinMs);
  }

  /** Waits for a stream that has delivered so many samples. */
  async samples(count: number, withinMs = 20_000): Promise<Pulled> {
    return eventually(
      () => this.pulled.find(({ samples }) => samples.length >= count),
      `${count} samples`,
      withinMs,
    );
  }

  async recorded(count: number): Promise<string[]> {
    const list = (): string[] => readdirSync(this.recordsDir).filter((name) => !name.startsWith('.'));
    const names = await eventually(() => (list().length >= count ? list() : undefined), `${count} records`);
    return names.sort().map((name) => join(this.recordsDir, name));
  }

  /** Command lines of the children that read sources, as every user of the machine can see them. */
  commandLines(): string[] {
    const pids = this.log.lines
      .filter(({ message }) => message === 'source child started')
      .map(({ fields }) => String(fields['pid']));
    return pids.map(commandLine).filter((line) => line !== '');
  }

  said(message: string): Readonly<Record<string, unknown>>[] {
    return this.log.lines.filter((line) => line.message === message).map(({ fields }) => fields);
  }

  async close(): Promise<void> {
    await this.captures.close();
    await this.recordings.close();
    rmSync(this.recordsDir, { recursive: true, force: true });
  }

  #take(stream: Stream): void {
    const pulled: Pulled = { stream, tracks: [], samples: [], ended: false };
    this.pulled.push(pulled);
    stream.subscribe({
      onTrack: (track) => void pulled.tracks.push(track),
      onSample: (sample) => void pulled.samples.push(sample),
      onEnd: () => (pulled.ended = true),
    });
  }
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

const RECORDER_SETTINGS = {
  ffmpegPath: 'ffmpeg',
  canSetTimestamps: true,
  ffmpegVersion: 'of a test',
  names: { policy: 'template', template: '{mediaSessionId}', encode: undefined, excludeCharacters: '/' },
  formats: { containers: {}, h264ToTs: false, webmAudio: 'vorbis', mp4Audio: 'aac' },
  rotation: { kind: 'none' },
  batchMs: 250,
  fragmentMs: 500,
  onDemandFragmentMs: 200,
  syncMs: 0,
  faststart: false,
  trackWaitMs: 2_000,
  bufferMaxBytes: 16 << 20,
  stopTimeoutMs: 10_000,
  audioSampleRate: 48_000,
  audioBitrate: 96_000,
  audioEffort: 'quality',
  maxRecordings: 100,
  reconnect: { windowMs: 0, policy: 'part' },
  maxErrors: 3,
  errorIntervalMs: 60_000,
} as const;
