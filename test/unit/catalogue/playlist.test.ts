import { expect, test } from 'vitest';
import { chooseFiles, concatList, whereMediaMayChange } from '../../../src/catalogue/exportChoice.ts';
import { playlistOf } from '../../../src/catalogue/playlist.ts';
import { file } from './support.ts';

const part = (partIndex: number, overrides: Parameters<typeof file>[0] = {}) =>
  file({
    partIndex,
    fileName: `cam_${partIndex}.mp4`,
    startedAt: partIndex * 1000,
    stopReason: 'rotation',
    ...overrides,
  });

test('a playlist has a segment for each file that is there, and no end while the recording goes on', () => {
  const files = [
    part(1, { fileState: 'gone' }),
    part(2, { durationMs: 2001 }),
    part(3, { container: 'ts', fileName: 'a b%.ts', durationMs: 999 }),
  ];
  const lines = [
    ...['#EXTM3U', '#EXT-X-VERSION:3', '#EXT-X-TARGETDURATION:3', '#EXT-X-MEDIA-SEQUENCE:1'],
    '#EXT-X-DISCONTINUITY-SEQUENCE:1',
    ...['#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:02.000Z', '#EXTINF:2.001,'],
    'segment.ts?recordingId=rec&partIndex=2',
    ...['#EXT-X-DISCONTINUITY', '#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:03.000Z', '#EXTINF:0.999,'],
    ...['/client/records/a%20b%25.ts', ''],
  ];
  expect(playlistOf(files, false)).toBe(lines.join('\n'));
  expect(playlistOf(files, true)).toMatch(/#EXT-X-PLAYLIST-TYPE:VOD\n[^]*\n#EXT-X-ENDLIST\n$/);
  expect(() => playlistOf([part(1, { fileState: 'moved' })], true)).toThrow('no file of it is here');
  for (const other of [{ container: 'webm' }, { container: 'mkv' }, { videoCodec: 'AV1' }])
    expect(() => playlistOf([part(1), part(2, other)], true)).toThrow(/cam_2\.mp4 is .*HLS takes/);
});

test('of a time range, the first and the last file are cut, and what lies outside is left', () => {
  const files = [part(3), part(1), part(2), part(4)].map((each) => ({
    ...each,
    endedAt: each.startedAt + 1000,
  }));
  const chosen = chooseFiles(files, { streamName: 'cam', from: 1500, to: 3000 });
  expect(chosen.map(({ file: { partIndex }, ...cut }) => [partIndex, cut])).toEqual([
    [1, { fromMs: 500 }],
    [2, {}],
  ]);
  expect(chooseFiles(files, { recordingId: 'rec', from: 3200, to: 3600 })).toMatchObject([
    { fromMs: 200, toMs: 600 },
  ]);
  expect(concatList(chosen, ({ partIndex }) => `/it's/${partIndex}`)).toBe(
    "ffconcat version 1.0\nfile '/it'\\''s/1'\ninpoint 0.5\nfile '/it'\\''s/2'\n",
  );
});

test('headers are compared where anything may have changed', () => {
  const files = [
    part(1),
    part(2, { stopReason: 'gap' }),
    part(3),
    part(1, { recordingId: 'other', startedAt: 9000 }),
  ];
  const chosen = chooseFiles(files, { streamName: 'cam' });
  expect(whereMediaMayChange(chosen).map(({ file: each }) => [each.recordingId, each.partIndex])).toEqual([
    ['rec', 1],
    ['rec', 3],
    ['other', 1],
  ]);
});
