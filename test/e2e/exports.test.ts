import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, inject, test } from 'vitest';
import type { CataloguePage, CatalogueRecording } from '../../src/domain/catalogue.ts';
import { eventually } from '../support/eventually.ts';
import { decodeErrors, packetsOf } from '../support/packets.ts';
import { publishFile } from '../support/publishers.ts';
import { TestServer } from '../support/server.ts';
import { publishShort, vp8Source } from '../support/shortSource.ts';

const { bframesFlv, hdFlv } = inject('media');
const RECORD_ALL = {
  ...{ record_flash_published_streams: true, stream_record_policy: 'streamName', on_record_hook_script: '' },
};
const folder = mkdtempSync(join(tmpdir(), 'recorderd-exports-'));
let server: TestServer;
let files = 0;

afterEach(async () => server.close());
afterAll(() => rmSync(folder, { recursive: true }));

const recordingOf = (streamName: string): Promise<CatalogueRecording> =>
  eventually(async () => {
    const { status, json } = await server.rest('/catalogue/find', { streamName, state: 'done' });
    return status === 200 ? (json as CataloguePage).recordings[0] : undefined;
  }, `the recording of ${streamName}`);

const urlOf = (path: string, query: object): string => {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) parameters.set(key, String(value));
  return `http://127.0.0.1:${server.port('http')}/rest-api/catalogue/${path}?${parameters.toString()}`;
};

/** Downloads an export into a file. */
async function exported(query: object): Promise<{ file: string; name: string | null }> {
  const answer = await fetch(urlOf('export', query));
  expect([answer.status, answer.status === 200 ? '' : await answer.text()]).toEqual([200, '']);
  const file = join(folder, `${files++}`);
  writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
  return { file, name: answer.headers.get('content-disposition') };
}

const md5s = async (file: string, kind: 'v' | 'a'): Promise<string[]> =>
  (await packetsOf(file, kind)).map(({ md5 }) => md5);
const inFolder = (recording: CatalogueRecording): string[] =>
  recording.parts.map(({ fileName }) => join(server.recordsDir, fileName));
const leftovers = (): string[] => {
  const exports = join(server.recordsDir, '.work', 'exports');
  return existsSync(exports) ? readdirSync(exports) : [];
};

/** Of all the parts, in order. */
async function packetsInParts(recording: CatalogueRecording, kind: 'v' | 'a'): Promise<string[]> {
  const lists: string[][] = [];
  for (const file of inFolder(recording)) lists.push(await md5s(file, kind));
  return lists.flat();
}

test.each([
  ['mp4', {}],
  ['mkv', { record_formats: 'h264-mkv' }],
  ['webm', { record_formats: 'h264-webm' }],
  ['ts', { record_h264_to_ts: true }],
])('the parts of a recording become one file with every packet once: %s', async (extension, formats) => {
  server = await TestServer.start({ ...RECORD_ALL, ...formats, record_rotation: 4 });
  await publishFile(bframesFlv, server.rtmpUrl("it's-cam"), { fast: true }).ended;
  const recording = await recordingOf("it's-cam");
  expect(recording.partCount).toBe(3);
  const { file, name } = await exported({ recordingId: recording.recordingId });
  expect(name).toBe(`attachment; filename="export-it's-cam_1.${extension}"`);
  for (const kind of ['v', 'a'] as const)
    expect(await md5s(file, kind)).toEqual(await packetsInParts(recording, kind));
  expect(await decodeErrors(file)).toBe('');
  const pts = (await packetsOf(file, 'v')).map((packet) => packet.pts).sort((a, b) => a - b);
  expect(Math.max(...pts.slice(1).map((each, i) => each - pts[i]!))).toBeLessThan(200);
  expect(leftovers()).toEqual([]);
});

test('a time range begins at a key frame and joins recordings of one stream; one whole file is sent as it is', async () => {
  server = await TestServer.start({ ...RECORD_ALL, record_rotation: 4 });
  await publishFile(bframesFlv, server.rtmpUrl('cam')).ended;
  const first = await recordingOf('cam');
  await publishFile(bframesFlv, server.rtmpUrl('cam')).ended;
  const second = await eventually(async () => {
    const recording = await recordingOf('cam');
    return recording.recordingId === first.recordingId ? undefined : recording;
  }, 'the second recording');
  const [from, to] = [first.parts[1]!.startedAt + 2500, second.parts[0]!.startedAt + 1500];
  const { file } = await exported({ streamName: 'cam', from, to: new Date(to).toISOString() });
  expect(await decodeErrors(file)).toBe('');
  const found = await packetsOf(file, 'v');
  const all = [...(await packetsInParts(first, 'v')), ...(await packetsInParts(second, 'v'))];
  const begin = all.indexOf(found[0]!.md5);
  expect(found.map(({ md5 }) => md5)).toEqual(all.slice(begin, begin + found.length));
  const probing = [
    '-v',
    'error',
    '-select_streams',
    'v',
    '-show_entries',
    'packet=flags',
    '-of',
    'csv=p=0',
    file,
  ];
  expect(execFileSync('ffprobe', probing, { encoding: 'utf8' }).split('\n')[0]).toContain('K');
  // From the key frame at or before `from`; the last pictures may lie a little behind `to`.
  const lengthMs = first.endedAt - from + (to - second.startedAt);
  const lastMs = Math.max(...found.map(({ pts }) => pts));
  expect(lastMs).toBeGreaterThan(lengthMs - 300);
  expect(lastMs).toBeLessThan(lengthMs + 2500);
  const part = second.parts[0]!;
  const whole = await exported({ streamName: 'cam', from: part.startedAt, to: part.endedAt });
  expect(readFileSync(whole.file).equals(readFileSync(join(server.recordsDir, part.fileName)))).toBe(true);
});

test('what cannot be joined is refused with a reason', async () => {
  server = await TestServer.start({ ...RECORD_ALL, record_rotation: 4 });
  await publishFile(hdFlv, server.rtmpUrl('cam'), { fast: true }).ended;
  const first = await recordingOf('cam');
  await publishFile(bframesFlv, server.rtmpUrl('cam'), { fast: true }).ended;
  const listed = (count: number): Promise<true> =>
    eventually(async () => {
      const { json } = await server.rest('/catalogue/find', { streamName: 'cam', state: 'done' });
      return (json as CataloguePage).total === count ? true : undefined;
    }, `${count} recordings`);
  await listed(2);
  await publishShort(server.port('rtmp'), 'cam', vp8Source(20));
  await listed(3);
  const refusal = async (query: object): Promise<unknown> => (await fetch(urlOf('export', query))).json();
  const range = { streamName: 'cam', from: 0, to: Date.now() + 1000 };
  expect(await refusal(range)).toMatchObject({ code: 'EXPORT_IMPOSSIBLE', status: 409 });
  const { json } = await server.rest('/catalogue/find', { order: 'asc' });
  const [, second, third] = (json as CataloguePage).recordings;
  const other = await refusal({ ...range, to: third!.startedAt });
  expect(other).toMatchObject({
    code: 'EXPORT_IMPOSSIBLE',
    message: expect.stringContaining('other parameters') as string,
  });
  rmSync(inFolder(second!)[0]!);
  expect(await refusal({ recordingId: second!.recordingId })).toMatchObject({ code: 'FILE_NOT_FOUND' });
  expect(await refusal({ recordingId: '../../etc/passwd' })).toMatchObject({ code: 'RECORDING_NOT_FOUND' });
  expect(await refusal({ streamName: 'cam', from: 0 })).toMatchObject({ code: 'BAD_REQUEST' });
  const playlist = await fetch(urlOf('playlist.m3u8', { recordingId: third!.recordingId }));
  expect(await playlist.json()).toMatchObject({ code: 'EXPORT_IMPOSSIBLE' });
  // Damaged by whoever may write there: FFmpeg's own words stay in the log.
  for (const file of inFolder(first)) writeFileSync(file, 'no MP4');
  expect(await refusal({ recordingId: first.recordingId, to: first.startedAt + 500 })).toMatchObject({
    ...{ code: 'EXPORT_FAILED', status: 500 },
  });
  await eventually(() => server.logged('export failed'), 'a line of the failure');
  expect(leftovers()).toEqual([]);
});

test('a client that leaves ends its export, and what a kill leaves is removed by the next start', async () => {
  // An FFmpeg that makes exports for ever, and is the real one for everything else.
  const real = execFileSync('which', ['ffmpeg'], { encoding: 'utf8' }).trim();
  const slow = join(folder, 'slow-ffmpeg');
  const script = `#!/bin/bash\ncase "$*" in *' concat '*) echo $$ > '${folder}/pid'; exec sleep 600;; esac\nexec ${real} "$@"\n`;
  writeFileSync(slow, script, { mode: 0o755 });
  server = await TestServer.start({ ...RECORD_ALL, record_rotation: 4, ffmpeg_path: slow });
  await publishFile(bframesFlv, server.rtmpUrl('cam'), { fast: true }).ended;
  const { recordingId } = await recordingOf('cam');
  const begin = async () => {
    rmSync(join(folder, 'pid'), { force: true });
    const client = request(urlOf('export', { recordingId })).on('error', () => undefined);
    client.end();
    const pid = await eventually(() => {
      const text = existsSync(join(folder, 'pid')) ? readFileSync(join(folder, 'pid'), 'utf8') : '';
      return text.endsWith('\n') ? Number(text) : undefined;
    }, 'the export');
    return { client, pid };
  };
  const one = await begin();
  expect(leftovers()).toHaveLength(1);
  one.client.destroy();
  await eventually(() => (leftovers().length === 0 ? true : undefined), 'the end of the export');
  expect(existsSync(`/proc/${one.pid}`)).toBe(false);
  const two = await begin();
  server.signal('SIGKILL');
  await server.exited();
  process.kill(two.pid, 'SIGKILL');
  expect(leftovers()).toHaveLength(1);
  server = await TestServer.start(RECORD_ALL, server.home);
  expect(leftovers()).toEqual([]);
  expect(server.logged('an earlier run left unfinished recordings')).toBeUndefined();
});

test('FFmpeg plays the HLS playlist of a recording: every picture once, in order', async () => {
  server = await TestServer.start({ ...RECORD_ALL, record_rotation: 4 });
  await publishFile(bframesFlv, server.rtmpUrl('cam'), { fast: true }).ended;
  const recording = await recordingOf('cam');
  const url = urlOf('playlist.m3u8', { recordingId: recording.recordingId });
  const answer = await fetch(url);
  expect(answer.headers.get('content-type')).toBe('application/vnd.apple.mpegurl');
  const lines = (await answer.text()).split('\n');
  expect(lines.filter((line) => line === '#EXT-X-DISCONTINUITY')).toHaveLength(2);
  expect(lines.slice(0, 3)).toEqual([
    '#EXTM3U',
    '#EXT-X-VERSION:3',
    expect.stringMatching(/^#EXT-X-TARGETDURATION:[4-6]$/),
  ]);
  expect(lines.at(-2)).toBe('#EXT-X-ENDLIST');
  const played = execFileSync('ffmpeg', ['-v', 'error', '-i', url, '-map', '0:v', '-f', 'framemd5', '-'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 24,
  });
  const decoded = (text: string): string[] =>
    text
      .split('\n')
      .flatMap((line) => (line.startsWith('#') || line === '' ? [] : [line.split(',').at(-1)!.trim()]));
  const wanted = inFolder(recording).flatMap((file) =>
    decoded(
      execFileSync('ffmpeg', ['-v', 'error', '-i', file, '-map', '0:v', '-f', 'framemd5', '-'], {
        encoding: 'utf8',
      }),
    ),
  );
  expect(decoded(played)).toEqual(wanted);
  expect(leftovers()).toEqual([]);
});
