import fc from 'fast-check';
import { expect, test } from 'vitest';
import { recordName, TEMPLATE_ELEMENTS, withSuffix } from '../../../src/domain/names.ts';
import type { NameFacts, NameSettings } from '../../../src/domain/names.ts';
import { readName } from '../../../src/domain/readName.ts';

const TEMPLATE: NameSettings = {
  ...{ policy: 'template', template: 'stream-{mediaSessionId}-{login}', encode: undefined },
  excludeCharacters: '/',
};
const BY_STREAM: NameSettings = { ...TEMPLATE, policy: 'streamName' };
const ID = '4f112b20-13d0-11e7-b521-59a9cb7eddeb';
const FACTS: NameFacts = {
  ...{ streamName: 'cam', sessionId: '/10.0.0.1:5/10.0.0.2:1935', mediaSessionId: ID, login: 'rQq83' },
  ...{
    audioCodec: 'AAC',
    videoCodec: 'H264',
    startTimeMs: 5,
    endTimeMs: 93_762,
    startTimeMillis: 1_563_776_083_755,
  },
  ...{ endTimeMillis: 1_563_776_093_765, durationMs: 10_010 },
  ...{ partIndex: 3, last: false, rotated: true, extension: 'mp4' },
};

test.each([
  [{}, `stream-${ID}-rQq83.mp4`, { mediaSessionId: ID }],
  [{}, 'holiday.mp4', {}],
  [{ template: '{streamName}-{endTime}' }, 'cam-1-1490717116551.mp4', { streamName: 'cam-1' }],
  [{ template: '{streamName}-{endTime}' }, 'cam-x-1490717116551.mkv', { streamName: 'cam-x' }],
  [{ template: '{streamName}+{streamName}' }, 'a+a+a.mp4', {}],
  [{ template: '{streamName}+{streamName}' }, 'a+a.mp4', {}],
  [{ template: 'a.c({streamName})' }, 'abc(x).mp4', {}],
  [{ template: 'a.c({streamName})' }, 'a.c(x)_2.mp4', { streamName: 'x' }],
  [{ template: '{nothing}{streamName}' }, '{nothing}cam.mp4', { streamName: 'cam' }],
  // Nobody can tell a number that belongs to the stream from one that belongs to a part.
  [{ policy: 'streamName' }, 'cam_1.mp4', { streamName: 'cam_1' }],
  [{ policy: 'streamName', encode: 'HEX' }, '63616d.mp4', { streamName: 'cam' }],
  [{ policy: 'streamName', encode: 'HEX' }, '63616d_2.mp4', { streamName: 'cam' }],
  [{ policy: 'streamName', encode: 'HEX' }, 'cam.mp4', {}],
  [{ policy: 'streamName', encode: 'BASE64' }, 'Y2Ft.webm', { streamName: 'cam' }],
] as const)('%j %s', (settings, fileName, expected) => {
  const { streamName, mediaSessionId } = readName(fileName, { ...TEMPLATE, ...settings });
  expect({ streamName, mediaSessionId }).toEqual({
    streamName: undefined,
    mediaSessionId: undefined,
    ...expected,
  });
});

test('reads what was written: the stream of any part, whatever its name', () => {
  const name = fc.string({
    unit: fc.constantFrom('a', 'B', '7', ' ', 'ü', '😀', '(', '$', '+'),
    minLength: 1,
  });
  const settings = fc.constantFrom<NameSettings>(
    { ...TEMPLATE, template: '{streamName}-{startTimeMillis}-{endTimeMillis}' },
    { ...TEMPLATE, template: '{mediaSessionId}_{streamName}_{startTimeMillis}' },
    { ...TEMPLATE, template: '{streamName}.{duration}', encode: 'HEX' },
    { ...BY_STREAM, encode: 'HEX' },
  );
  fc.assert(
    fc.property(name, settings, fc.boolean(), (streamName, names, isSecond) => {
      const made = recordName(names, { ...FACTS, streamName });
      expect(readName(isSecond ? withSuffix(made, 2) : made, names)).toMatchObject({ streamName });
    }),
    { numRuns: 500 },
  );
});

test('every element of a template can be read', () => {
  for (const element of TEMPLATE_ELEMENTS) {
    const names = { ...TEMPLATE, template: `{${element}}+{streamName}` };
    const expected = element === 'streamName' ? undefined : 'cam';
    expect([element, readName(recordName(names, { ...FACTS, last: true }), names).streamName]).toEqual([
      element,
      expected,
    ]);
  }
});

test('a hostile name is read in no time', () => {
  const elements = TEMPLATE_ELEMENTS.filter((element) => !element.endsWith('Millis'));
  const names = { ...TEMPLATE, template: `${elements.map((element) => `{${element}}`).join('')}+` };
  // A regular expression would not come to an end.
  expect(readName(`${'7'.repeat(250)}.mp4`, names)).toEqual({});
  expect(readName(`${'7'.repeat(249)}+.mp4`, names).streamName).toMatch(/^7+$/);
});
