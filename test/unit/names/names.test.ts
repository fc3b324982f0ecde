import { describe, expect, test } from 'vitest';
import { recordName, TEMPLATE_ELEMENTS, withSuffix } from '../../../src/domain/names.ts';
import type { NameFacts, NameSettings } from '../../../src/domain/names.ts';

const SETTINGS: NameSettings = {
  policy: 'template',
  template: 'stream-{mediaSessionId}-{login}',
  encode: undefined,
  excludeCharacters: '/',
};

const FACTS: NameFacts = {
  streamName: 'stream_ffmpeg',
  sessionId: '/10.0.0.1:50000/10.0.0.2:1935',
  mediaSessionId: '4f112b20-13d0-11e7-b521-59a9cb7eddeb',
  login: 'rQq83sodiCPY0pJXCxGO',
  audioCodec: 'AAC',
  videoCodec: 'H264',
  startTimeMs: 1563776083752,
  endTimeMs: 1563776093762,
  startTimeMillis: 1563776083755,
  endTimeMillis: 1563776093765,
  durationMs: 10010,
  partIndex: 1,
  last: true,
  rotated: false,
  extension: 'mp4',
};

function name(settings: Partial<NameSettings>, facts: Partial<NameFacts> = {}): string {
  return recordName({ ...SETTINGS, ...settings }, { ...FACTS, ...facts });
}

const ofTemplate = (template: string, facts: Partial<NameFacts> = {}): string => name({ template }, facts);
const ofStream = (streamName: string, settings: Partial<NameSettings> = {}): string =>
  name({ policy: 'streamName', ...settings }, { streamName });

describe("WCS's examples", () => {
  test('the default template', () => {
    const login = '737lrm8t053nlg8c2n23ctco33';
    expect(name({}, { login })).toBe(
      'stream-4f112b20-13d0-11e7-b521-59a9cb7eddeb-737lrm8t053nlg8c2n23ctco33.mp4',
    );
  });

  test('policy streamName', () => {
    expect(ofStream('stream_ffmpeg')).toBe('stream_ffmpeg.mp4');
  });

  test('a running recording keeps {endTime}', () => {
    expect(
      ofTemplate('9c3e-{streamName}-{startTime}-{endTime}', { streamName: 'test', endTimeMs: undefined }),
    ).toBe('9c3e-test-1563776083752-{endTime}.mp4');
  });

  test('excluded characters', () => {
    expect(ofStream('a:b.c,d/e', { excludeCharacters: ':.,/' })).toBe('abcde.mp4');
  });
});

describe('elements', () => {
  test.each([
    ['streamName', 'stream_ffmpeg'],
    ['duration', '10010'],
    ['startTime', '1563776083752'],
    ['endTime', '1563776093762'],
    ['startTimeMillis', '1563776083755'],
    ['endTimeMillis', '1563776093765'],
    ['sessionId', 'LzEwLjAuMC4xOjUwMDAwLzEwLjAuMC4yOjE5MzU'],
    ['mediaSessionId', '4f112b20-13d0-11e7-b521-59a9cb7eddeb'],
    ['login', 'rQq83sodiCPY0pJXCxGO'],
    ['audioCodec', 'AAC'],
    ['videoCodec', 'H264'],
  ])('{%s} is %s', (element, value) => {
    expect(TEMPLATE_ELEMENTS).toContain(element);
    expect(ofTemplate(`a-{${element}}-b`)).toBe(`a-${value}-b.mp4`);
  });

  test('the list is whole', () => {
    expect(TEMPLATE_ELEMENTS).toHaveLength(11);
  });

  test.each([
    ['sessionId', { sessionId: 'x'.repeat(200) }, 60],
    ['mediaSessionId', { mediaSessionId: 'x'.repeat(200) }, 36],
    ['login', { login: '😀'.repeat(200) }, 32],
    ['audioCodec', { audioCodec: 'LONGNAME' }, 4],
    ['videoCodec', { videoCodec: 'LONGNAME' }, 4],
  ])('{%s} is cut to its size', (element, facts, characters) => {
    expect(Array.from(ofTemplate(`{${element}}`, facts))).toHaveLength(characters + '.mp4'.length);
  });

  test('times are whole milliseconds', () => {
    expect(ofTemplate('{startTime}', { startTimeMs: 1000.6 })).toBe('1001.mp4');
  });

  test('what is not known yet, and what is not known at all, stays as it is written', () => {
    const unknown = { endTimeMs: undefined, endTimeMillis: undefined, durationMs: undefined };
    const template = '{endTime}{endTimeMillis}{duration}{recordIndex}{toString}{}{{login}';
    expect(ofTemplate(template, { ...unknown, login: 'me' })).toBe(
      '{endTime}{endTimeMillis}{duration}{recordIndex}{toString}{}{me.mp4',
    );
  });

  test('{duration} is for MP4 only, a codec that is not there is empty', () => {
    expect(ofTemplate('a{duration}b', { extension: 'webm' })).toBe('ab.webm');
    expect(ofTemplate('a{audioCodec}b', { audioCodec: undefined })).toBe('ab.mp4');
  });

  test('a value is not a template', () => {
    expect(ofTemplate('{streamName}', { streamName: '{login}$&' })).toBe('{login}$&.mp4');
  });
});

describe('encodings', () => {
  test('HEX and BASE64 encode the whole expanded name, and nothing is excluded from it', () => {
    const facts = { streamName: 'live/ü?' };
    const settings = { template: 'a-{streamName}', excludeCharacters: '/a6' };
    expect(name({ ...settings, encode: 'HEX' }, facts)).toBe('612d6c6976652fc3bc3f.mp4');
    expect(name({ ...settings, encode: 'BASE64' }, facts)).toBe('YS1saXZlL8O8Pw.mp4');
    expect(Buffer.from('612d6c6976652fc3bc3f', 'hex').toString()).toBe('a-live/ü?');
    expect(Buffer.from('YS1saXZlL8O8Pw', 'base64').toString()).toBe('a-live/ü?');
  });

  test('BASE64 has neither slash, plus nor padding', () => {
    expect(ofStream('??>>~~ÿ', { encode: 'BASE64' })).toBe('Pz8-Pn5-w78.mp4');
  });

  test('numbers and extension stand behind the encoded name', () => {
    const settings = { policy: 'streamName', encode: 'HEX' } as const;
    expect(name(settings, { streamName: 'a', rotated: true, last: false })).toBe('61_1.mp4');
  });
});

describe('parts', () => {
  const part = (partIndex: number, last: boolean) => ({ partIndex, last, rotated: true });

  test('are numbered from 1, the last one is not', () => {
    const names = [part(1, false), part(2, false), part(3, true)].map((facts) =>
      ofTemplate('{login}', facts),
    );
    expect(names).toEqual([
      'rQq83sodiCPY0pJXCxGO_1.mp4',
      'rQq83sodiCPY0pJXCxGO_2.mp4',
      'rQq83sodiCPY0pJXCxGO.mp4',
    ]);
  });

  test('a recording of one part has no number', () => {
    expect(ofTemplate('a', { partIndex: 1, last: true, rotated: false })).toBe('a.mp4');
    expect(ofTemplate('a', { partIndex: 1, last: false, rotated: false })).toBe('a.mp4');
  });

  test.each(['startTime', 'endTime', 'startTimeMillis', 'endTimeMillis'])(
    '{%s} takes the place of numbers',
    (time) => {
      expect(ofTemplate(`a-{${time}}`, part(2, false))).toMatch(/^a-\d{13}\.mp4$/);
      const template = `a-{${time}}`;
      expect(name({ policy: 'streamName', template }, part(2, false))).toBe('stream_ffmpeg_2.mp4');
    },
  );

  test('{duration} does not', () => {
    expect(ofTemplate('a-{duration}', part(2, false))).toBe('a-10010_2.mp4');
  });
});

describe('safety', () => {
  test.each([
    ['a/b', 'a_b.mp4'],
    ['../../etc/passwd', '_.._.._etc_passwd.mp4'],
    ['..', '_...mp4'],
    ['.', '_..mp4'],
    ['.hidden', '_.hidden.mp4'],
    ['-rf', '_-rf.mp4'],
    ['a\0b\nc\x7fd\x85e', 'a_b_c_d_e.mp4'],
    ['half \ud83d', 'half \ufffd.mp4'],
    [' spaces stay ', ' spaces stay .mp4'],
    ['a.mp4', 'a.mp4.mp4'],
    ['C:\\a*?"<>|', 'C:\\a*?"<>|.mp4'],
  ])('%j becomes %j when nothing is excluded', (streamName, wanted) => {
    expect(ofStream(streamName, { excludeCharacters: '' })).toBe(wanted);
  });

  test('exclusion comes before safety, and never reaches number and extension', () => {
    expect(ofStream('/..-/x')).toBe('_..-x.mp4');
    expect(ofStream('a.b', { excludeCharacters: '._4' })).toBe('ab.mp4');
    const rotated = { streamName: 'a_b', rotated: true, last: false };
    expect(name({ policy: 'streamName', excludeCharacters: '_1.' }, rotated)).toBe('ab_1.mp4');
  });

  test('an emptied name falls back to the media session', () => {
    expect(ofStream('///')).toBe('stream-4f112b20-13d0-11e7-b521-59a9cb7eddeb.mp4');
    expect(name({ template: '' }, { mediaSessionId: '../x', last: false, rotated: true })).toBe(
      'stream-.._x_1.mp4',
    );
  });

  test('a name that is too long is cut between characters and carries a digest of the whole', () => {
    const cut = ofStream('ü'.repeat(500));
    expect(cut).toMatch(/^ü{117}~[0-9a-f]{8}\.mp4$/u);
    expect(Buffer.byteLength(cut)).toBe(247);
  });

  test('long names that differ at their end stay different', () => {
    expect(ofStream('x'.repeat(999) + 'a')).not.toBe(ofStream('x'.repeat(999) + 'b'));
  });

  test('a name that just fits is left alone', () => {
    expect(ofStream('x'.repeat(243))).toBe('x'.repeat(243) + '.mp4');
    expect(ofStream('x'.repeat(244))).not.toContain('x'.repeat(244));
  });
});

test('a taken name gets a number before its extension', () => {
  expect(withSuffix('name.mp4', 2)).toBe('name-2.mp4');
  expect(withSuffix('a.b_1.webm', 13)).toBe('a.b_1-13.webm');
});
