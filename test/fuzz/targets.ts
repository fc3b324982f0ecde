import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadSettings } from '../../src/config/load.ts';
import { RecorderdError } from '../../src/domain/errors.ts';
import { decodeAmf0 } from '../../src/ingest/rtmp/amf0.ts';
import { ProtocolError } from '../../src/ingest/rtmp/protocol.ts';
import { isRtcp, parseRtp } from '../../src/ingest/rtp/packet.ts';
import { parseRtcp } from '../../src/ingest/rtp/rtcp.ts';
import { readAnnouncement } from '../../src/ingest/rtsp/announce.ts';
import { RtspError } from '../../src/ingest/rtsp/message.ts';
import { readOffer } from '../../src/ingest/webrtc/offer.ts';
import { ContainerError } from '../../src/media/demuxed.ts';
import type { DemuxHandler } from '../../src/media/demuxed.ts';
import { FlvReader } from '../../src/media/flvReader.ts';
import { MatroskaReader } from '../../src/media/matroskaReader.ts';
import { CODEC_SEEDS, tryCodecs, tryMatroska, tryMp4 } from '../support/mediaFuzz.ts';
import { amf } from '../support/rtmpBytes.ts';
import { SESSIONS as RTMP, feed as feedRtmp, random } from '../support/rtmpFuzz.ts';
import { CODECS, feed as feedRtp, pack, run as runOf, unpack } from '../support/rtpFuzz.ts';
import { SESSIONS as RTSP, feed as feedRtsp } from '../support/rtspFuzz.ts';
import { RtpSource, SDP } from '../support/rtspHarness.ts';

/** A parser, inputs that mean something to it, and how to give it one. */
export interface Target {
  readonly name: string;
  readonly seeds: readonly Buffer[];
  /** @throws when the parser did what it must not do. */
  readonly run: (input: Buffer, next: () => number) => void | Promise<void>;
}

/** The kept inputs of a folder of the repository. */
function kept(folder: string, ends: string): Buffer[] {
  const path = join(import.meta.dirname, folder);
  const names = existsSync(path) ? readdirSync(path).filter((name) => name.endsWith(ends)) : [];
  return names.map((name) => readFileSync(join(path, name)));
}

/** Runs it; errors of the given classes are the refusals that a parser is made for. */
const refusing =
  (parse: (input: Buffer) => unknown, ...refusals: readonly (new (...args: never[]) => Error)[]) =>
  (input: Buffer): void => {
    try {
      parse(input);
    } catch (error) {
      if (!refusals.some((refusal) => error instanceof refusal)) throw error;
    }
  };

const complain = ({ complaints }: { readonly complaints: readonly string[] }): void => {
  if (complaints.length > 0) throw new Error(complaints.join('; '));
};

const IGNORED: DemuxHandler = {
  onKinds: () => undefined,
  onTrack: () => undefined,
  onFrame: () => undefined,
};
const matroska = (input: Buffer): void =>
  new MatroskaReader(IGNORED, { maxElementBytes: 1 << 20, timeScale: 1 }).write(input);

function settings(input: Buffer): void {
  const result = loadSettings({ file: { path: 'f', text: input.toString('latin1') }, env: {}, set: [] });
  if (!result.ok && result.problems.length === 0) throw new Error('refused without a reason');
}

const rtp = new RtpSource();
const report = Buffer.from('80c80006000000600000000000000000000000000000000000000000', 'hex');

/** Small files, and a folder for working files. */
export interface Samples {
  readonly flv: string;
  readonly mkv: string;
  /** As FFmpeg leaves it while it records. */
  readonly fragmentedMp4: string;
  readonly plainMp4: string;
  readonly folder: string;
}

/** As they are, and as a kill leaves them. */
const torn = (file: string): Buffer[] => {
  const bytes = readFileSync(file);
  return [bytes, bytes.subarray(0, bytes.length * 0.7)];
};

export const targets = (samples: Samples): readonly Target[] => [...protocols(), ...files(samples)];

const protocols = (): readonly Target[] => [
  {
    name: 'rtmp',
    seeds: [...RTMP, ...kept('rtmp', '.bin')],
    run: (input, next) => complain(feedRtmp(input, next)),
  },
  {
    name: 'rtsp',
    seeds: [...RTSP, ...kept('rtsp', '.bin')],
    run: async (input, next) => complain(await feedRtsp(input, next)),
  },
  {
    name: 'amf0',
    seeds: [
      amf('connect', 1, { app: 'a', list: [1, true, null, { b: undefined }], text: 'x'.repeat(70_000) }),
    ],
    run: refusing(decodeAmf0, ProtocolError),
  },
  {
    name: 'announcement',
    seeds: [Buffer.from(SDP)],
    run: refusing((input) => readAnnouncement(input.toString('latin1'), 8), RtspError),
  },
  {
    name: 'offer',
    seeds: kept('../unit/webrtc/offers', '.sdp'),
    run: refusing((input) => readOffer(input.toString('latin1')), RecorderdError),
  },
  {
    name: 'rtp and rtcp',
    seeds: [rtp.picture(0, { key: true }), rtp.sound(0), report],
    run: refusing((input) => (isRtcp(input) ? parseRtcp(input) : parseRtp(input))),
  },
  {
    name: 'rtp media',
    seeds: [...CODECS.map((codec, i) => pack(codec, runOf(codec, random(i)))), ...kept('rtp', '.bin')],
    run: (input) => complain(feedRtp(...unpack(input))),
  },
  { name: 'codecs', seeds: [...CODEC_SEEDS, ...kept('codecs', '.bin')], run: tryCodecs },
];

const files = ({ flv, mkv, fragmentedMp4, plainMp4, folder }: Samples): readonly Target[] => [
  {
    name: 'flv',
    seeds: [readFileSync(flv).subarray(0, 20_000)],
    run: refusing((input) => new FlvReader(IGNORED, 1 << 20).write(input), ContainerError),
  },
  {
    name: 'matroska',
    seeds: [readFileSync(mkv).subarray(0, 20_000)],
    run: refusing(matroska, ContainerError),
  },
  {
    name: 'mp4 file',
    seeds: [...torn(fragmentedMp4), readFileSync(plainMp4), ...kept('mp4', '.bin')],
    run: (input) => tryMp4(input, folder),
  },
  {
    name: 'matroska file',
    seeds: [...torn(mkv), ...kept('matroska', '.bin')],
    run: (input) => tryMatroska(input, folder),
  },
  {
    name: 'properties',
    seeds: [...kept('../../conf', '.properties'), ...kept('properties/found', '.properties')],
    run: settings,
  },
];
