import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AudioTrack, Sample, VideoTrack } from '../../../src/domain/media.ts';
import type { PartEvidence } from '../../../src/domain/integrityReport.ts';
import type { FinishedPart } from '../../../src/domain/recording.ts';
import { DiskSpace } from '../../../src/recorder/diskSpace.ts';
import type { FragmentIndexes } from '../../../src/recorder/fragmentIndexes.ts';
import { Recordings } from '../../../src/recorder/recordings.ts';
import type { RecorderSettings } from '../../../src/recorder/settings.ts';
import type { Stream } from '../../../src/streams/stream.ts';
import { Streams } from '../../../src/streams/streams.ts';
import type { PublishRequest } from '../../../src/streams/streams.ts';
import { eventually } from '../../support/eventually.ts';
import { flvTags } from '../../support/flvTags.ts';
import { memoryLog } from '../../support/rtmpHarness.ts';
import type { LoggedLine } from '../../support/rtmpHarness.ts';

export const VIDEO: VideoTrack = {
  id: 1,
  kind: 'video',
  codec: 'h264',
  config: Buffer.from('avcC one'),
  width: 16,
  height: 16,
};
export const AUDIO: AudioTrack = {
  id: 2,
  kind: 'audio',
  codec: 'aac',
  config: Buffer.from('1210', 'hex'),
  sampleRate: 44_100,
  channels: 2,
};

const sampleOf =
  (trackId: number, key: boolean) =>
  (ms: number, bytes = 8): Sample => ({
    trackId,
    dts: ms * 1000,
    pts: ms * 1000,
    key,
    data: Buffer.alloc(bytes, 1),
  });
export const keyFrame = sampleOf(VIDEO.id, true);
export const frame = sampleOf(VIDEO.id, false);
export const sound = sampleOf(AUDIO.id, true);

/** Stands in for FFmpeg: its "file" is what came in on stdin, under the name of the first part. */
export function programThat(does = 'exec cat > "$part"'): string {
  const folder = mkdtempSync(join(tmpdir(), 'recorderd-program-'));
  const script = join(folder, 'program');
  writeFileSync(script, `#!/bin/bash\nlast="\${@: -1}"; part="\${last/\\%06d/000000}"\n${does}\n`, {
    mode: 0o755,
  });
  return script;
}

/** Recordings on real streams in a folder of their own, with a program in FFmpeg's place. */
export class Studio {
  readonly streams = new Streams(1 << 20);
  readonly log = memoryLog();
  readonly parts: FinishedPart[] = [];
  /** Of the parts, in their order. */
  readonly evidence: PartEvidence[] = [];
  readonly recordings: Recordings;
  readonly recordsDir = join(mkdtempSync(join(tmpdir(), 'recorderd-studio-')), 'records');
  /** Not opened: full when a test says so, and until it checks. */
  readonly disk = new DiskSpace(
    { recordsDir: this.recordsDir, warnFree: {}, stopFree: {}, checkMs: 1000 },
    this.log,
  );

  constructor(settings: Partial<RecorderSettings> = {}, isAutomatic = true, indexes?: FragmentIndexes) {
    mkdirSync(this.recordsDir);
    this.recordings = new Recordings({
      streams: this.streams,
      log: this.log,
      disk: this.disk,
      isAutomatic: () => isAutomatic,
      ...(indexes && { indexes }),
      onPart: (part, evidence) => {
        this.parts.push(part);
        this.evidence.push(evidence);
        return Promise.resolve();
      },
      settings: { ...SETTINGS, recordsDir: this.recordsDir, ...settings },
    });
  }

  static async open(
    settings: Partial<RecorderSettings> = {},
    isAutomatic = true,
    indexes?: FragmentIndexes,
  ): Promise<Studio> {
    const studio = new Studio(settings, isAutomatic, indexes);
    await studio.recordings.open();
    return studio;
  }

  publish(name = 'cam', init: Partial<PublishRequest> = {}): Stream {
    return this.streams.publish({
      name,
      mediaSessionId: `session-of-${name}`,
      publisher: {
        sessionId: '/1.2.3.4:5/6.7.8.9:1935',
        appKey: 'flashStreamingApp',
        login: 'login',
        mediaProvider: 'Flash',
        custom: {},
        terminate: () => undefined,
      },
      custom: {},
      createdAt: 0,
      ...init,
    });
  }

  /** Ends a stream and waits until `count` of its recordings have ended. */
  async end(stream: Stream, count = 1): Promise<void> {
    this.streams.unpublish(stream);
    await this.logged('recording ended', count);
  }

  said(message: string): LoggedLine[] {
    return this.log.lines.filter((line) => line.message === message);
  }

  async logged(message: string, count = 1): Promise<LoggedLine> {
    return eventually(() => this.said(message)[count - 1], `${count} × ${message}`);
  }

  /** Lines of level error and warn. */
  complaints(): string[] {
    return this.log.lines
      .filter(({ level }) => level === 'error' || level === 'warn')
      .map((line) => line.message);
  }

  /** Media of a finished record: `v` or `a`, `V` for the configuration, and the time in milliseconds. */
  media(name: string): string[] {
    return mediaIn(join(this.recordsDir, name));
  }

  /** Names of the records, sorted. */
  records(): string[] {
    return readdirSync(this.recordsDir)
      .filter((name) => !name.startsWith('.'))
      .sort();
  }

  /** Folders of recordings that hold unfinished parts. */
  leftovers(): string[] {
    return readdirSync(join(this.recordsDir, '.work'));
  }
}

/** Samples in a file of {@link programThat}, e.g. `v0 a5 v40`; times count from the file's first sample. */
export function mediaIn(file: string): string[] {
  const tags = flvTags(file).filter((tag) => !tag.isHeader);
  const first = Math.min(...tags.map((tag) => tag.timeMs));
  return tags.map((tag) => `${tag.kind.slice(0, 1)}${tag.timeMs - first}`);
}

const SETTINGS: Omit<RecorderSettings, 'recordsDir'> = {
  ffmpegPath: programThat(),
  canSetTimestamps: true,
  ffmpegVersion: 'of a test',
  names: { policy: 'streamName', template: '', encode: undefined, excludeCharacters: '/' },
  // Of the containers, TS is published as it comes from the program.
  formats: { containers: { h264: 'ts' }, h264ToTs: false, webmAudio: 'vorbis', mp4Audio: 'aac' },
  rotation: { kind: 'none' },
  reconnect: { windowMs: 0, policy: 'part' },
  batchMs: 20,
  fragmentMs: 500,
  onDemandFragmentMs: 200,
  syncMs: 0,
  faststart: false,
  trackWaitMs: 60_000,
  bufferMaxBytes: 1 << 20,
  stopTimeoutMs: 5000,
  audioSampleRate: 44_100,
  audioBitrate: 96_000,
  audioEffort: 'quality',
  maxRecordings: 100,
  maxErrors: 3,
  errorIntervalMs: 60_000,
};
