import { describe, expect, test } from 'vitest';
import { readAnnouncement, trackOf } from '../../../src/ingest/rtsp/announce.ts';
import { MediaPorts } from '../../../src/ingest/rtsp/mediaPorts.ts';
import { streamNameOf } from '../../../src/ingest/rtsp/streamName.ts';
import { chooseTransport } from '../../../src/ingest/rtsp/transport.ts';
import { SDP } from '../../support/rtspHarness.ts';

const sdp = (...lines: string[]): string => ['v=0', ...lines, ''].join('\r\n');

describe('announcement', () => {
  test('what ffmpeg announces', () => {
    expect(readAnnouncement(SDP, 4)).toMatchObject([
      { index: 0, control: 'streamid=0', format: { codec: 'h264', payloadType: 96, clockRate: 90_000 } },
      { index: 1, control: 'streamid=1', format: { codec: 'pcma', payloadType: 8, clockRate: 8000 } },
    ]);
  });

  test.each([
    ['video', 'H265/90000', '', 'hevc'],
    ['video', 'VP8/90000', '', 'vp8'],
    ['audio', 'OPUS/48000/2', '', 'opus'],
    ['audio', 'PCMU/16000/2', '', 'pcmu'],
    ['audio', 'mpeg4-generic/44100/2', 'mode=AAC-hbr; config=1210', 'aac'],
    ['audio', 'MP4A-LATM/44100/2', 'cpresent=0; config=40002420', 'aac-latm'],
    ['audio', 'mpeg4-generic/44100/2', 'mode=AAC-hbr', undefined],
    ['audio', 'mpeg4-generic/44100/2', 'mode=CELP-cbr; config=1210', undefined],
    ['audio', 'MP4A-LATM/44100/2', 'config=40002420', undefined],
    ['audio', 'L16/44100/2', '', undefined],
    ['audio', 'H264/90000', '', undefined],
    ['video', 'H264/90000', 'packetization-mode=2', undefined],
    ['video', 'H264/0', '', undefined],
    ['video', 'JPEG/90000', '', undefined],
  ])('%s %s with "%s" is %s', (kind, map, fmtp, codec) => {
    const lines = [`m=${kind} 0 RTP/AVP 97`, `a=rtpmap:97 ${map}`, `a=fmtp:97 ${fmtp}`];
    const other = ['m=audio 0 RTP/AVP 0'];
    expect(readAnnouncement(sdp(...lines, ...other), 4)[0]!.format?.codec).toBe(codec);
    if (codec === undefined) expect(() => readAnnouncement(sdp(...lines), 4)).toThrow('no track has a codec');
  });

  test('the first usable format of an m-line is taken', () => {
    const text = sdp('m=audio 5000 RTP/AVP 97 0 8', 'a=rtpmap:97 G726-32/8000');
    expect(readAnnouncement(text, 4)[0]!.format).toMatchObject({ codec: 'pcmu', payloadType: 0 });
  });

  test.each([
    ['', 'does not begin with v=0'],
    ['v=0', 'has no m-line'],
    [sdp('m=audio'), 'malformed m-line'],
    [sdp('m=audio 0 RTP/AVP 0', 'm=audio 0 RTP/AVP 0', 'm=audio 0 RTP/AVP 0'), 'more than 2 tracks'],
    [sdp(...Array<string>(600).fill('a=x')), 'too long'],
    [sdp(`a=${'x'.repeat(5000)}`), 'too long'],
    [sdp('m=audio 0 RTP/SAVP 0'), 'no track has a codec'],
  ])('%j is refused', (text, reason) => {
    expect(() => readAnnouncement(text, 2)).toThrow(reason);
  });

  test('SETUP names a track by its control, relative or absolute, behind a query too', () => {
    const controls = ['1', 'track11', 'rtsp://h/b'].flatMap((control) => [
      'm=audio 0 RTP/AVP 0',
      `a=control:${control}`,
    ]);
    const tracks = readAnnouncement(sdp('a=control:*', ...controls), 4);
    const indexOf = (uri: string): number | undefined => trackOf(uri, tracks)?.index;
    expect(indexOf('rtsp://h/a/1')).toBe(0);
    expect(indexOf('rtsp://h/a?x=1/track11')).toBe(1);
    expect(indexOf('rtsp://h/b')).toBe(2);
    expect(indexOf('rtsp://h/a')).toBeUndefined();
    expect(trackOf('rtsp://h/a', tracks.slice(0, 1))?.index).toBe(0);
  });
});

describe('stream name', () => {
  test.each([
    ['rtsp://h:8554/live/cam', 'cam', {}],
    ['rtsp://h/cam', 'cam', {}],
    ['RTSPS://h/a/b/c/', 'c', {}],
    ['rtsp://h/live/cam?key=v1&x', 'cam', { key: 'v1', x: '' }],
    ['rtsp://h/live/b%C3%BChne%202', 'bühne 2', {}],
    ['rtsp://h/live/%zz', '%zz', {}],
    ['rtsp://h/live/..%2F..%2Fetc', '../../etc', {}],
    ['/live/cam', 'cam', {}],
  ])('%s is %s', (uri, name, custom) => {
    expect(streamNameOf(uri)).toEqual({ name, custom });
  });

  test.each([['rtsp://h'], ['rtsp://h/'], ['*'], ['rtsp://h/?a=b'], [`rtsp://h/${'x'.repeat(1025)}`]])(
    '%s has none that can be used',
    (uri) => {
      expect(() => streamNameOf(uri)).toThrow('stream name');
    },
  );
});

describe('transport', () => {
  test.each([
    ['RTP/AVP/TCP;unicast;interleaved=2-3;mode=record', { kind: 'tcp', channels: [2, 3] }],
    ['RTP/AVP/TCP;interleaved=4', { kind: 'tcp', channels: [4, 5] }],
    ['RTP/AVPF/TCP;unicast', { kind: 'tcp', profile: 'RTP/AVPF', channels: undefined }],
    ['RTP/AVP;unicast;client_port=5000-5001;mode="RECORD"', { kind: 'udp', clientPorts: [5000, 5001] }],
    ['RTP/SAVP;client_port=1-2, rtp/avp/udp;client_port=6000;mode=receive', { clientPorts: [6000, 6001] }],
  ])('%s is taken', (field, expected) => {
    expect(chooseTransport(field, { udp: true })).toMatchObject(expected);
  });

  test.each([
    [''],
    ['RTP/AVP;multicast;client_port=5000-5001'],
    ['RTP/AVP;unicast'],
    ['RTP/AVP;unicast;client_port=0-1'],
    ['RTP/AVP;unicast;client_port=70000-70001'],
    ['RTP/AVP/TCP;interleaved=255'],
    ['RTP/AVP/TCP;interleaved=1-1'],
    ['RTP/AVP/TCP;interleaved=0-1;mode=play'],
    ['RTP/SAVP/TCP;interleaved=0-1'],
  ])('%s is not', (field) => {
    expect(chooseTransport(field, { udp: true })).toBeUndefined();
  });

  test('without UDP the next one is taken', () => {
    const field = 'RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP;interleaved=0-1';
    expect(chooseTransport(field, { udp: false })).toMatchObject({ kind: 'tcp' });
  });
});

describe('media ports', () => {
  test('pairs of an even port and the odd one behind it; a range gives what it has, and again what came back', async () => {
    const free = new MediaPorts({ receiveBufferBytes: 65_536 });
    const pair = await free.take('127.0.0.1');
    expect(pair.port % 2).toBe(0);
    expect(pair.rtcp.address().port).toBe(pair.port + 1);
    pair.close();
    pair.close();
    const from = pair.port - 1;
    const ports = new MediaPorts({ portRange: { from, to: from + 2 }, receiveBufferBytes: 65_536 });
    const only = await ports.take('::ffff:127.0.0.1');
    expect(only.port).toBe(pair.port);
    await expect(ports.take('127.0.0.1')).rejects.toMatchObject({ code: 'EADDRINUSE' });
    only.close();
    const again = await ports.take('127.0.0.1');
    expect(again.port).toBe(pair.port);
    again.close();
  });
});
