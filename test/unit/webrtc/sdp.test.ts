import { parse } from 'sdp-transform';
import type { MediaDescription } from 'sdp-transform';
import { describe, expect, it, vi } from 'vitest';
import { writeAnswer, writeTransportOffer } from '../../../src/ingest/webrtc/answer.ts';
import { negotiate } from '../../../src/ingest/webrtc/negotiation.ts';
import type { CodecPreferences } from '../../../src/ingest/webrtc/negotiation.ts';
import { readLocalTransport, readOffer } from '../../../src/ingest/webrtc/offer.ts';
import type { LocalTransport } from '../../../src/ingest/webrtc/offer.ts';
import { captured, sdk } from './support.ts';

const CODECS: CodecPreferences = { video: ['h264', 'vp8'], audio: ['opus', 'pcma', 'pcmu'] };
const LOCAL: LocalTransport = {
  ice: { ufrag: 'loca', password: 'p'.repeat(22) },
  fingerprint: { hash: 'sha-256', value: Array(32).fill('AB').join(':') },
  candidates: [
    { foundation: '2', priority: 2116026111, address: 'fd00::2', port: 31000 },
    { foundation: '1', priority: 2114977791, address: '192.0.2.2', port: 31000 },
  ],
};
const av = captured('chromium-av');

function answered(
  offer: string,
  codecs = CODECS,
): { readonly text: string; readonly media: MediaDescription[] } {
  const text = writeAnswer(negotiate(readOffer(offer), codecs), LOCAL, '1');
  return { text, media: parse(text).media };
}

/** Lines of an answer's section that concern one payload type, in order. */
function linesOf(text: string, payloadType: string): string[] {
  return text
    .split('\r\n')
    .filter((line) => new RegExp(`^a=(?:rtpmap|rtcp-fb|fmtp):${payloadType} `).test(line));
}

function stripped(codecs: string): string {
  const quiet = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const sdp = sdk.stripCodecs(av, codecs);
  quiet.mockRestore();
  return sdp;
}

const drop = (sdp: string, line: RegExp): string =>
  sdp
    .split('\r\n')
    .filter((each) => !line.test(each))
    .join('\r\n');

describe('an answer to Chromium', () => {
  const { text, media } = answered(av);

  it('takes the first common video codec of the offer and Opus, with the retransmissions of that format', () => {
    expect(media.map(({ type, payloads, port, direction }) => [type, payloads, port, direction])).toEqual([
      ['audio', 111, 31000, 'recvonly'],
      ['video', '96 97', 31000, 'recvonly'],
    ]);
    expect(linesOf(text, '96')).toEqual([
      'a=rtpmap:96 VP8/90000',
      'a=rtcp-fb:96 transport-cc',
      'a=rtcp-fb:96 nack',
      'a=rtcp-fb:96 nack pli',
      'a=rtcp-fb:96 ccm fir',
    ]);
    expect(linesOf(text, '97')).toEqual(['a=rtpmap:97 rtx/90000', 'a=fmtp:97 apt=96']);
  });

  it('asks for retransmitted audio although it is not offered', () => {
    expect(linesOf(text, '111')).toEqual([
      'a=rtpmap:111 opus/48000/2',
      'a=rtcp-fb:111 transport-cc',
      'a=rtcp-fb:111 nack',
      'a=fmtp:111 minptime=10',
    ]);
  });

  it('bundles, multiplexes RTCP, waits for the client hello and holds every candidate', () => {
    expect(text).toContain('a=group:BUNDLE 0 1\r\n');
    for (const each of media) {
      expect(each).toMatchObject({
        setup: 'passive',
        rtcpMux: 'rtcp-mux',
        rtcpRsize: 'rtcp-rsize',
        iceUfrag: 'loca',
        fingerprint: { type: 'sha-256', hash: LOCAL.fingerprint.value },
        connection: { version: 4, ip: '192.0.2.2' },
        endOfCandidates: 'end-of-candidates',
      });
      expect(each.candidates?.map(({ ip, port, type }) => [ip, port, type])).toEqual([
        ['fd00::2', 31000, 'host'],
        ['192.0.2.2', 31000, 'host'],
      ]);
    }
  });

  it('keeps mid and transport-wide sequence numbers of the extensions, never the orientation', () => {
    for (const each of media) {
      expect(each.ext?.map(({ value, uri }) => [value, uri])).toEqual([
        [3, 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01'],
        [4, 'urn:ietf:params:rtp-hdrext:sdes:mid'],
      ]);
    }
  });

  it.each([
    ['LF line ends', av.replaceAll('\r\n', '\n')],
    ['no line end at the end', av.trimEnd()],
    ['doubled carriage returns', av.replaceAll('\r\n', '\r\r\n')],
    ['blank lines', av.replaceAll('\r\n', '\r\n\r\n')],
  ])('is the same with %s', (_, offer) => {
    expect(answered(offer).text).toBe(text);
  });

  it('shows the transport one m-line with every payload type and the client as the DTLS client', () => {
    const shown = writeTransportOffer(negotiate(readOffer(av), CODECS));
    const { media: sections } = parse(shown);
    expect(sections).toHaveLength(1);
    expect(sections[0]).toMatchObject({ payloads: '111 96 97', setup: 'active', direction: 'sendonly' });
    expect(readLocalTransport(shown)?.ice.ufrag).toBe(/a=ice-ufrag:(.+)\r/.exec(av)?.[1]);
  });
});

describe('choice of codecs', () => {
  const h264First = stripped('vp8,vp9,av1');

  it('prefers packetization mode 1 and the baseline profile, and answers the profile as offered', () => {
    const { text, media } = answered(h264First);
    expect(media[1]?.payloads).toBe('102 103');
    expect(linesOf(text, '102').at(-1)).toBe(
      'a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f',
    );
    const mainFirst = h264First.replace(/^m=video (\S+ \S+) .*$/m, 'm=video $1 116 104 108 109 102');
    expect(answered(mainFirst).media[1]?.payloads).toBe('108 109');
  });

  it('takes packetization mode 0 where there is no other', () => {
    const whole = h264First.replace(/^m=video (\S+ \S+) .*$/m, 'm=video $1 39 104');
    expect(answered(whole).media[1]?.payloads).toBe(104);
  });

  it('works with what the SDK leaves of an offer', () => {
    const { text, media } = answered(h264First);
    // Retransmissions of formats that are gone stay behind there.
    expect(h264First).toMatch(/a=rtpmap:97 rtx/);
    expect(media[1]?.rtp.map(({ codec }) => codec)).toEqual(['H264', 'rtx']);
    expect(text).not.toContain('apt=96');
  });

  it('asks for feedback that the SDK removed by mistake', () => {
    const withoutG722 = stripped('g722');
    expect(withoutG722).not.toContain('a=rtcp-fb:96 ');
    const { text, media } = answered(withoutG722);
    expect(media[1]?.payloads).toBe(96);
    expect(linesOf(text, '96').slice(1)).toEqual([
      'a=rtcp-fb:96 transport-cc',
      'a=rtcp-fb:96 nack',
      'a=rtcp-fb:96 nack pli',
      'a=rtcp-fb:96 ccm fir',
    ]);
  });

  it('follows the payload types of the offer, whatever they are', () => {
    const swapped = av
      .replaceAll(/:96 VP8|:96 (?=goog|trans|ccm|nack)/g, (all) => all.replace('96', '50'))
      .replace('apt=96', 'apt=50')
      .replace(' 96 97 ', ' 50 97 ');
    const { text, media } = answered(swapped);
    expect(media[1]?.payloads).toBe('50 97');
    expect(linesOf(text, '97').at(-1)).toBe('a=fmtp:97 apt=50');
  });

  it('takes G.711 without Opus, A-law first, also without an rtpmap', () => {
    const pcm = drop(stripped('opus'), /^a=rtpmap:[08] /);
    const { media } = answered(pcm);
    expect(media[0]?.rtp).toEqual([{ payload: 8, codec: 'PCMA', rate: 8000 }]);
  });

  it('answers without retransmissions when none are offered', () => {
    const { media } = answered(drop(av, /rtx|apt=/).replace(' 96 97 ', ' 96 '));
    expect(media[1]?.payloads).toBe(96);
  });

  it('keeps to the codecs it is told', () => {
    expect(answered(av, { ...CODECS, video: ['h264'] }).media[1]?.payloads).toBe('102 103');
    expect(answered(av, { ...CODECS, video: [] }).media.map(({ port }) => port)).toEqual([31000, 0]);
  });

  it('answers stereo where it is offered', () => {
    const stereo = av.replace('minptime=10;useinbandfec=1', 'minptime=10;stereo=1;useinbandfec=1');
    expect(linesOf(answered(stereo).text, '111').at(-1)).toBe(
      'a=fmtp:111 minptime=10;stereo=1;sprop-stereo=1',
    );
  });
});

describe('m-lines', () => {
  it('answers audio alone and video alone', () => {
    expect(answered(captured('chromium-audio')).media.map(({ type, port }) => [type, port])).toEqual([
      ['audio', 31000],
    ]);
    expect(answered(captured('chromium-video')).media.map(({ type, port }) => [type, port])).toEqual([
      ['video', 31000],
    ]);
  });

  it('rejects data channels and second cameras with port 0, outside the bundle', () => {
    const data = answered(captured('chromium-data'));
    expect(data.media.map(({ type, port, mid }) => [type, port, mid])).toEqual([
      ['audio', 31000, 0],
      ['video', 31000, 1],
      ['application', 0, 2],
    ]);
    expect(data.text).toContain('m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n');
    expect(data.text).toContain('a=group:BUNDLE 0 1\r\n');
    expect(
      answered(captured('chromium-video2')).media.map(({ port, direction }) => [port, direction]),
    ).toEqual([
      [31000, 'recvonly'],
      [31000, 'recvonly'],
      [0, 'inactive'],
    ]);
  });

  it('passes over m-lines that send nothing or are switched off', () => {
    const [head = '', audio = '', video = ''] = av.split(/(?=^m=)/m);
    const idle = video.replace('a=sendonly', 'a=recvonly').replace('a=mid:1', 'a=mid:9');
    expect(answered(head + audio + idle + video).media.map(({ port }) => port)).toEqual([31000, 0, 31000]);
    expect(
      answered(head + audio.replace('m=audio 9', 'm=audio 0') + video).media.map(({ port }) => port),
    ).toEqual([0, 31000]);
  });

  it('lets a section of the bundle take the transport from the one that leads it', () => {
    const [head = '', audio = '', video = ''] = av.split(/(?=^m=)/m);
    const refusedAudio = audio.replace(/^m=audio (\S+ \S+) .*$/m, 'm=audio $1 9');
    const bare = drop(video, /^a=(?:ice-|fingerprint|setup)/).replace('m=video 9', 'm=video 0');
    const only = bare.replace('a=mid:1', 'a=mid:1\r\na=bundle-only');
    const { media, text } = answered(head + refusedAudio + only);
    expect(media.map(({ port }) => port)).toEqual([0, 31000]);
    expect(text).toContain('a=group:BUNDLE 1\r\n');
  });

  it('needs no BUNDLE for one m-line, and refuses two without it', () => {
    const alone = drop(captured('chromium-video'), /^a=group/);
    expect(answered(alone).text).not.toContain('a=group');
    expect(answered(drop(alone, /^a=mid/)).text).not.toContain('a=mid');
    expect(() => answered(drop(av, /^a=group/))).toThrow(/BUNDLE/);
  });

  it('passes over a format whose name is a number', () => {
    const numbered = av.replace(/^(a=rtpmap:0) .*$/m, '$1 42/8000');
    expect(numbered).toContain(' 42/8000');
    expect(answered(numbered).media).toHaveLength(2);
  });

  it('takes ICE and fingerprint from the session level', () => {
    const lines = av.split('\r\n').filter((line) => /^a=(?:ice-ufrag|ice-pwd|fingerprint|setup)/.test(line));
    const bare = drop(av, /^a=(?:ice-|fingerprint|setup)/);
    const session = bare.replace('t=0 0\r\n', `t=0 0\r\n${[...new Set(lines)].join('\r\n')}\r\n`);
    const plain = (text: string): string => writeTransportOffer(negotiate(readOffer(text), CODECS));
    expect(plain(session)).toBe(plain(av));
    expect(() => answered(bare)).toThrow(/ice-ufrag/);
  });

  it('is the DTLS client of a client that insists on being the server', () => {
    const { media } = answered(av.replaceAll('a=setup:actpass', 'a=setup:passive'));
    expect(media.map(({ setup }) => setup)).toEqual(['active', 'active']);
  });
});

describe("the SDK's bitrate limits", () => {
  it.each([
    ['H264', stripped('vp8')],
    ['VP8', av],
  ])('get a fmtp line of their own behind the rtpmap of %s', (name, offer) => {
    const edited = sdk.SDP.setPublishingBitrate(answered(offer).text, 500, 1500).split('\n');
    const at = edited.findIndex((line) => line.includes(` ${name}/90000`));
    expect(edited[at + 1]).toMatch(/^a=fmtp:\d+ x-google-min-bitrate=500;x-google-max-bitrate=1500\r$/);
    expect(edited.filter((line) => /\r.+/.test(line))).toEqual([]);
  });
});

describe('offers that are none', () => {
  it.each([
    ['nothing', ''],
    ['no SDP', 'hello'],
    ['no m-line', 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n'],
    ['too long', av + 'a=x\r\n'.repeat(20_000)],
    ['a line too long', `${av}a=${'x'.repeat(5_000)}\r\n`],
    ['too many m-lines', av + 'm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n'.repeat(40)],
    ['no fingerprint', drop(av, /^a=fingerprint/)],
    ['a fingerprint that is too long', av.replace(/^a=fingerprint:.*$/gm, '$&:AB')],
    ['a fingerprint of an unknown hash', av.replace(/^a=fingerprint:sha-256/gm, 'a=fingerprint:sha-257')],
    ['a fingerprint that is none', av.replace(/^(a=fingerprint:sha-256) .*$/gm, '$1 zz')],
    ['an ufrag that is none', av.replace(/^a=ice-ufrag:.*$/gm, 'a=ice-ufrag:a b')],
    ['one payload type for two formats', av.replace(' 96 97 ', ' 111 97 ').replace(':96 VP8', ':111 VP8')],
  ])('are refused: %s', (_, offer) => {
    expect(() => answered(offer)).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }));
  });

  it('are told apart from offers without a common codec', () => {
    const foreign = stripped('opus,pcm,vp8,h264');
    expect(() => answered(foreign)).toThrow(expect.objectContaining({ code: 'NO_COMMON_CODECS' }));
  });
});
