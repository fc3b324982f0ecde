import { describe, expect, test } from 'vitest';
import type { Sample, Track } from '../../../src/domain/media.ts';
import { Publication } from '../../../src/ingest/rtmp/publication.ts';
import { amfObject } from '../../../src/ingest/rtmp/amf0.ts';
import { Streams } from '../../../src/streams/streams.ts';
import { AAC_CONFIG, AVC_CONFIG, aacFrame, aacHeader, avcFrame, avcHeader } from '../../support/rtmpBytes.ts';
import { RTMP_OPTIONS, memoryLog } from '../../support/rtmpHarness.ts';

const { leapBounds } = RTMP_OPTIONS;
const data = Buffer.from('0000000401020304', 'hex');
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');

function publish() {
  const streams = new Streams(1 << 20);
  const log = memoryLog();
  const publisher = {
    sessionId: '/a/b',
    appKey: 'a',
    login: 'l',
    mediaProvider: 'Flash' as const,
    custom: {},
    terminate: () => undefined,
  };
  const stream = streams.publish({ name: 'x', mediaSessionId: 'm', publisher, custom: {}, createdAt: 0 });
  const publication = new Publication(stream, { streams, streamId: 1, leapBounds }, log);
  const tracks: Track[] = [];
  const samples: Sample[] = [];
  stream.subscribe({
    onTrack: (track) => tracks.push(track),
    onSample: (sample) => samples.push(sample),
    onEnd: () => undefined,
  });
  const dropped = () => {
    publication.reportProblems();
    return log.lines.filter((line) => line.message === 'media dropped').map((line) => line.fields['what']);
  };
  return { publication, stream, tracks, samples, log, dropped };
}

describe('legacy video', () => {
  test('H.264 with B-frames: sizes, key flags, decode and presentation times', () => {
    const { publication, tracks, samples } = publish();
    publication.video(5000, avcHeader());
    publication.video(5000, avcFrame(data, { compositionMs: 80 }));
    publication.video(5040, avcFrame(data, { key: false, compositionMs: 120 }));
    publication.video(5080, avcFrame(data, { key: false, compositionMs: -40 }));
    expect(tracks).toEqual([
      { id: 1, kind: 'video', codec: 'h264', config: AVC_CONFIG, width: 320, height: 240 },
    ]);
    expect(samples).toEqual([
      { trackId: 1, dts: 0, pts: 80_000, key: true, data },
      { trackId: 1, dts: 40_000, pts: 160_000, key: false, data },
      { trackId: 1, dts: 80_000, pts: 40_000, key: false, data },
    ]);
  });

  test('the media is not copied, the configuration is', () => {
    const { publication, tracks, samples } = publish();
    const header = avcHeader();
    const frame = avcFrame(data);
    publication.video(0, header);
    publication.video(0, frame);
    expect(samples[0]!.data.buffer).toBe(frame.buffer);
    header.fill(0);
    expect(tracks[0]!.config).toEqual(AVC_CONFIG);
  });

  test('a changed configuration is a track event between its samples, the same one is none', () => {
    const { publication, tracks, stream } = publish();
    const other = Buffer.concat([AVC_CONFIG, Buffer.of(0)]);
    for (const config of [AVC_CONFIG, AVC_CONFIG, other]) publication.video(0, avcHeader(config));
    expect(tracks.map((track) => track.config)).toEqual([AVC_CONFIG, other]);
    expect(stream.tracks.size).toBe(1);
  });

  test('two SPS in avcC are handed on whole', () => {
    const { publication, tracks } = publish();
    const sps = AVC_CONFIG.subarray(6, 6 + 2 + 0x16);
    const config = Buffer.concat([
      AVC_CONFIG.subarray(0, 5),
      Buffer.of(0xe2),
      sps,
      sps,
      AVC_CONFIG.subarray(6 + sps.length),
    ]);
    publication.video(0, avcHeader(config));
    expect(tracks[0]!.config).toEqual(config);
  });

  test('end of sequence, commands, and empty messages are passed over', () => {
    const { publication, samples, dropped } = publish();
    publication.video(0, avcHeader());
    for (const body of ['', '17 02', '17 02 000000', '57 00', '17 01 000000', '00'])
      publication.video(0, hex(body));
    expect(samples).toEqual([]);
    expect(dropped()).toEqual(['video codec not supported: id 0']);
  });

  test('NAL before avcC and damaged messages are counted and do not set the origin of time', () => {
    const { publication, samples, dropped, log } = publish();
    publication.video(100, avcFrame(data));
    publication.video(140, avcFrame(data));
    publication.video(140, hex('17 01 00'));
    publication.video(140, hex('17 00 000000 0142'));
    publication.video(180, avcHeader());
    publication.video(180, avcFrame(data));
    expect(samples.map((sample) => sample.dts)).toEqual([0]);
    expect(dropped()).toEqual([
      'h264 frame before its configuration',
      'video message cut short',
      'h264 configuration unusable',
    ]);
    expect(log.lines.find((line) => line.fields['messages'] === 2)?.fields['what']).toMatch(
      /before its configuration/,
    );
  });

  test('an unsupported codec is warned about once per stream', () => {
    const { publication, samples, log } = publish();
    for (let i = 0; i < 3; i++) {
      publication.video(i, hex('22 0102'));
      publication.reportProblems();
    }
    publication.end('done');
    expect(samples).toEqual([]);
    expect(
      log.lines.filter((line) => line.message === 'media dropped').map((line) => line.fields['what']),
    ).toEqual(['video codec not supported: Sorenson H.263']);
    expect(log.lines.at(-1)!.fields['dropped']).toEqual({ 'video codec not supported: Sorenson H.263': 3 });
  });
});

describe('legacy audio', () => {
  test('AAC', () => {
    const { publication, tracks, samples } = publish();
    publication.audio(10, aacHeader());
    publication.audio(10, aacFrame(Buffer.of(1)));
    publication.audio(33, aacFrame(Buffer.of(2)));
    publication.audio(33, aacFrame(Buffer.alloc(0)));
    expect(tracks).toEqual([
      { id: 2, kind: 'audio', codec: 'aac', config: AAC_CONFIG, sampleRate: 44_100, channels: 2 },
    ]);
    expect(samples).toEqual([
      { trackId: 2, dts: 0, pts: 0, key: true, data: Buffer.of(1) },
      { trackId: 2, dts: 23_000, pts: 23_000, key: true, data: Buffer.of(2) },
    ]);
  });

  test('AAC before its configuration, an unusable one, damaged messages', () => {
    const { publication, samples, tracks, dropped } = publish();
    publication.audio(0, aacFrame(Buffer.of(1)));
    publication.audio(0, aacHeader(Buffer.alloc(0)));
    publication.audio(0, aacHeader(hex('ff')));
    publication.audio(0, hex('af'));
    publication.audio(0, hex(''));
    expect([samples, tracks]).toEqual([[], []]);
    expect(dropped()).toEqual([
      'aac frame before its configuration',
      'aac configuration unusable',
      'audio message cut short',
    ]);
  });

  const cases: readonly [string, string, object][] = [
    ['MP3 by its own header, 48 kHz', '2f fffb9464 00', { codec: 'mp3', sampleRate: 48_000, channels: 2 }],
    ['MP3 mono', '2e fffb90c4 00', { codec: 'mp3', sampleRate: 44_100, channels: 1 }],
    ['MP3 by the flags', '27 000000 00', { codec: 'mp3', sampleRate: 11_025, channels: 2 }],
    ['MP3 at 8 kHz', 'e2 000000 00', { codec: 'mp3', sampleRate: 8_000, channels: 1 }],
    ['Speex', 'b6 0102', { codec: 'speex', sampleRate: 16_000, channels: 1 }],
    ['A-law', '72 0102', { codec: 'pcma', sampleRate: 8_000, channels: 1 }],
    ['mu-law stereo', '83 0102', { codec: 'pcmu', sampleRate: 8_000, channels: 2 }],
  ];
  test.each(cases)('%s: the track begins with the first frame', (_, body, format) => {
    const { publication, tracks, samples } = publish();
    publication.audio(7, hex(body).subarray(0, 1));
    expect(tracks).toEqual([]);
    publication.audio(7, hex(body));
    publication.audio(27, hex(body));
    expect(tracks).toEqual([{ id: 2, kind: 'audio', config: Buffer.alloc(0), ...format }]);
    expect(samples.map(({ dts, data: bytes }) => [dts, bytes])).toEqual(
      [0, 20_000].map((dts) => [dts, hex(body).subarray(1)]),
    );
  });

  test('Nellymoser is named in one warning', () => {
    const { publication, dropped } = publish();
    publication.audio(0, hex('62 00'));
    publication.audio(0, hex('62 00'));
    expect(dropped()).toEqual(['audio codec not supported: Nellymoser']);
  });
});

describe('enhanced video', () => {
  const hvcc = Buffer.alloc(23, 1);
  const ex = (frameAndType: number, fourCc: string, ...rest: readonly Buffer[]): Buffer =>
    Buffer.concat([Buffer.of(0x80 | frameAndType), ascii(fourCc), ...rest]);

  test('HEVC with and without composition time', () => {
    const { publication, tracks, samples } = publish();
    publication.video(0, ex(0x10, 'hvc1', hvcc));
    publication.video(0, ex(0x11, 'hvc1', hex('000050'), data));
    publication.video(40, ex(0x23, 'hvc1', data));
    publication.video(80, ex(0x21, 'hvc1', hex('ffffd8'), data));
    publication.video(80, ex(0x12, 'hvc1'));
    expect(tracks).toMatchObject([{ id: 1, codec: 'hevc', config: hvcc }]);
    expect(samples.map(({ dts, pts, key }) => [dts, pts, key])).toEqual([
      [0, 80_000, true],
      [40_000, 40_000, false],
      [80_000, 40_000, false],
    ]);
    expect(samples.every((sample) => sample.data.equals(data))).toBe(true);
  });

  test('H.264 by FourCC', () => {
    const { publication, tracks, samples } = publish();
    publication.video(0, ex(0x10, 'avc1', AVC_CONFIG));
    publication.video(0, ex(0x11, 'avc1', hex('000028'), data));
    expect(tracks).toMatchObject([{ codec: 'h264', width: 320, height: 240 }]);
    expect(samples).toMatchObject([{ pts: 40_000, data }]);
  });

  test('VP8 has no configuration: the key frame tells the size', () => {
    const { publication, tracks, samples, dropped } = publish();
    const key = hex('1025009d012a400030000047');
    publication.video(0, ex(0x21, 'vp08', data));
    publication.video(40, ex(0x11, 'vp08', key));
    publication.video(80, ex(0x21, 'vp08', data));
    expect(tracks).toEqual([
      { id: 1, kind: 'video', codec: 'vp8', config: Buffer.alloc(0), width: 64, height: 48 },
    ]);
    expect(samples.map((sample) => [sample.dts, sample.key])).toEqual([
      [0, true],
      [40_000, false],
    ]);
    expect(dropped()).toEqual(['vp8 frame before the first key frame']);
  });

  test('VP9: configuration, then the size of the key frame; the same configuration again changes nothing', () => {
    const { publication, tracks, samples } = publish();
    const config = hex('000a820101010000');
    publication.video(0, ex(0x10, 'vp09', config));
    expect(tracks).toEqual([]);
    publication.video(0, ex(0x11, 'vp09', hex('824983420003f002f60438241c18')));
    publication.video(40, ex(0x10, 'vp09', config));
    publication.video(40, ex(0x21, 'vp09', data));
    expect(tracks).toMatchObject([{ codec: 'vp9', config, width: 64, height: 48 }]);
    expect(samples).toHaveLength(2);
  });

  test('AV1 needs its configuration', () => {
    const { publication, tracks, samples, dropped } = publish();
    publication.video(0, ex(0x11, 'av01', data));
    publication.video(0, ex(0x10, 'av01', hex('81000c00')));
    publication.video(40, ex(0x11, 'av01', data));
    expect(tracks).toMatchObject([{ codec: 'av1', config: hex('81000c00') }]);
    expect(samples).toHaveLength(1);
    expect(dropped()).toEqual(['av1 frame before its configuration']);
  });

  test('ModEx prefixes are skipped, short and long, one after another', () => {
    const { publication, samples } = publish();
    publication.video(0, ex(0x10, 'hvc1', hvcc));
    const short = hex('02 000102 07');
    const long = Buffer.concat([hex('ff 012b'), Buffer.alloc(0x12c), hex('03')]);
    publication.video(0, Buffer.concat([Buffer.of(0x97), short, long, ascii('hvc1'), data]));
    expect(samples).toMatchObject([{ data, key: true }]);
  });

  test('multitrack: only track 0 counts, in every layout', () => {
    const { publication, samples, tracks, dropped } = publish();
    const multi = (layoutAndType: number, ...rest: readonly Buffer[]): Buffer =>
      Buffer.concat([Buffer.of(0x96, layoutAndType), ...rest]);
    const size = hex('000008');
    const other = hex('01 000002 aabb');
    publication.video(0, multi(0x00, ascii('hvc1'), hex('00'), hvcc));
    publication.video(0, multi(0x03, ascii('hvc1'), hex('00'), data));
    publication.video(40, multi(0x13, ascii('hvc1'), other, hex('00'), size, data));
    publication.video(80, multi(0x23, ascii('av01'), other, ascii('hvc1'), hex('00'), size, data));
    publication.video(80, multi(0x03, ascii('hvc1'), hex('01'), data));
    publication.video(80, multi(0x13, ascii('hvc1'), hex('00 0000ff'), data));
    expect(tracks).toHaveLength(1);
    expect(samples.map((sample) => [sample.dts, sample.data.equals(data)])).toEqual([
      [0, true],
      [40_000, true],
      [80_000, true],
    ]);
    expect(dropped()).toEqual(['additional video track', 'video message cut short']);
  });

  test('metadata and commands are ignored; damaged and unknown messages are counted', () => {
    const { publication, samples, dropped } = publish();
    publication.video(0, ex(0x14, 'hvc1', data));
    publication.video(0, ex(0x51, 'hvc1', data));
    publication.video(0, hex('91 6876'));
    publication.video(0, hex('97 ff'));
    publication.video(0, ex(0x11, 'hvc1', hex('0000')));
    publication.video(0, ex(0x11, 'vvc1', data));
    publication.video(0, ex(0x10, 'hvc1', hex('01')));
    publication.video(0, ex(0x15, 'av01', data));
    expect(samples).toEqual([]);
    expect(dropped()).toEqual([
      'video message cut short',
      'video codec not supported: "vvc1"',
      'hevc configuration unusable',
    ]);
  });

  test('texts that a peer chooses cannot fill the memory', () => {
    const { publication, log } = publish();
    for (let i = 1000; i < 1500; i++) publication.video(0, ex(0x11, String(i), data));
    publication.end('done');
    const totals = log.lines.at(-1)!.fields['dropped'] as Record<string, number>;
    expect(Object.keys(totals).length).toBeLessThanOrEqual(33);
    expect(Object.values(totals).reduce((sum, each) => sum + each)).toBe(500);
  });
});

describe('enhanced audio', () => {
  const head = Buffer.concat([ascii('OpusHead'), hex('01 02 3801 80bb0000 0000 00')]);
  const ex = (type: number, fourCc: string, ...rest: readonly Buffer[]): Buffer =>
    Buffer.concat([Buffer.of(0x90 | type), ascii(fourCc), ...rest]);

  test('Opus', () => {
    const { publication, tracks, samples, dropped } = publish();
    publication.audio(0, ex(1, 'Opus', data));
    publication.audio(0, ex(0, 'Opus', head));
    publication.audio(0, ex(1, 'Opus', data));
    publication.audio(20, ex(2, 'Opus'));
    publication.audio(20, ex(4, 'Opus', hex('0102')));
    expect(tracks).toEqual([
      { id: 2, kind: 'audio', codec: 'opus', config: head, sampleRate: 48_000, channels: 2 },
    ]);
    expect(samples).toHaveLength(1);
    expect(dropped()).toEqual(['opus frame before its configuration']);
  });

  test('Opus whose sequence start is empty is stereo (Enhanced RTMP v2)', () => {
    const { publication, tracks } = publish();
    publication.audio(0, ex(0, 'Opus'));
    expect(tracks).toMatchObject([{ codec: 'opus', channels: 2 }]);
  });

  test('AAC and MP3 by FourCC, ModEx, multitrack', () => {
    const { publication, tracks, samples } = publish();
    publication.audio(0, ex(0, 'mp4a', AAC_CONFIG));
    publication.audio(0, Buffer.concat([hex('97 02 000102 01'), ascii('mp4a'), data]));
    publication.audio(20, Buffer.concat([hex('95 01'), ascii('mp4a'), hex('00'), data]));
    publication.audio(40, ex(1, '.mp3', hex('fffb9464')));
    expect(tracks.map((track) => track.codec)).toEqual(['aac', 'mp3']);
    expect(samples).toHaveLength(3);
  });

  test('others are named once', () => {
    const { publication, dropped } = publish();
    publication.audio(0, ex(1, 'fLaC', data));
    publication.audio(0, hex('91 66'));
    publication.audio(0, Buffer.concat([hex('95 01'), ascii('mp4a'), hex('03'), data]));
    expect(dropped()).toEqual([
      'audio codec not supported: "fLaC"',
      'audio message cut short',
      'additional audio track',
    ]);
  });
});

describe('what both kinds share', () => {
  test('one origin of time; a track that begins earlier has negative times', () => {
    const { publication, samples } = publish();
    publication.audio(90, aacHeader());
    publication.video(100, avcHeader());
    publication.video(100, avcFrame(data));
    publication.audio(90, aacFrame(data));
    publication.audio(113, aacFrame(data));
    expect(samples.map(({ trackId, dts }) => [trackId, dts])).toEqual([
      [1, 0],
      [2, -10_000],
      [2, 13_000],
    ]);
  });

  test.each([
    [
      { audiocodecid: 10, videocodecid: 7 },
      { audio: true, video: true },
    ],
    [{ audiocodecid: 'mp4a' }, { audio: true, video: false }],
    [
      { videocodecid: 7, audiocodecid: null },
      { audio: false, video: true },
    ],
    [{ width: 1 }, undefined],
  ])('onMetaData %j announces %j', (fields, expected) => {
    const { publication, stream } = publish();
    publication.metadata(amfObject(fields));
    expect(stream.expected).toEqual(expected);
  });
});
