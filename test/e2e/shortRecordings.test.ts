import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { hookInto } from '../support/hook.ts';
import { payloadsOf } from '../support/payloads.ts';
import { TestServer } from '../support/server.ts';
import type { ShortSource } from '../support/shortSource.ts';
import { h264Source, publishShort, vp8Source } from '../support/shortSource.ts';
import { descriptors, leftovers } from '../support/vitals.ts';

const { irregularFlv } = inject('media');
const AT_ONCE = 8;
/** Of each of the four kinds. */
const RECORDINGS = Number(process.env.SHORT_RECORDINGS ?? 250);
let server: TestServer;

afterEach(async () => server.close());

/** Runs `work` for each of the items, `lanes` at a time. */
async function each<T>(items: readonly T[], lanes: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const lane = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** What arrived is what was sent. TS holds another form of the same packets, which are counted. */
async function expectWhole(parts: readonly string[], { video, audio }: ShortSource): Promise<void> {
  const sent = [video, audio].filter((track) => track.length > 0);
  const found = await Promise.all(parts.map((part) => payloadsOf(part, sent.length)));
  for (const [i, track] of sent.entries()) {
    const packets = found.flatMap((tracks) => tracks[i]!);
    if (parts[0]!.endsWith('.ts')) expect(packets.length).toBe(track.length);
    else expect(packets).toEqual(track);
  }
}

/** The parts of a recording, in order: numbered ones, and the last without a number. */
function partsOf(name: string): string[] {
  const numbered = server.records().filter((file) => file.startsWith(`${name}_`));
  const number = (file: string): number => Number(/_(\d+)\./.exec(file)![1]);
  const last = server.records().filter((file) => file.startsWith(`${name}.`));
  return [...numbered.sort((a, b) => number(a) - number(b)), ...last];
}

const SOURCES: readonly ShortSource[] = [h264Source(irregularFlv, 25), vp8Source(25)];
const TWO_GOPS: readonly ShortSource[] = [h264Source(irregularFlv, 60), vp8Source(25)];

test.each([
  { title: 'MP4 and WebM', settings: {}, sources: SOURCES, parts: [1, 1] },
  { title: 'MP4 and WebM, rotated', settings: { record_rotation: 2 }, sources: TWO_GOPS, parts: [2, 3] },
  { title: 'TS', settings: { record_h264_to_ts: true }, sources: SOURCES.slice(0, 1), parts: [1] },
  {
    title: 'TS, rotated',
    settings: { record_h264_to_ts: true, record_rotation: 2 },
    sources: TWO_GOPS.slice(0, 1),
    parts: [2],
  },
])(
  `${RECORDINGS} short recordings, ${AT_ONCE} at once, lose no packet and leave nothing: $title`,
  { timeout: 900_000 },
  async ({ settings, sources, parts }) => {
    const hook = hookInto();
    server = await TestServer.start({
      ...{ record_flash_published_streams: true, stream_record_policy: 'streamName', log_level: 'info' },
      ...{ record_track_wait_ms: 500, on_record_hook_script: hook.script },
      ...settings,
    });
    const before = { files: leftovers(server.home), descriptors: descriptors(server.pid) };
    const names = Array.from({ length: RECORDINGS }, (_, i) => `short${i}`);
    const sourceAt = (i: number): number => i % sources.length;
    const publish = ([i, name]: [number, string]) =>
      publishShort(server.port('rtmp'), name, sources[sourceAt(i)]!);
    await each([...names.entries()], AT_ONCE, publish);
    const expected = names.reduce((sum, _, i) => sum + parts[sourceAt(i)]!, 0);
    const hooked = (): string[] => hook.calls().map(([, path]) => path!);
    await eventually(() => (hooked().length >= expected ? true : undefined), `${expected} hooks`, 120_000);
    await eventually(
      () => (leftovers(server.home).join() === before.files.join() ? true : undefined),
      'folders are as before',
    );
    expect(hooked().sort()).toEqual(server.records().map((file) => join(server.recordsDir, file)));
    expect(server.records().length).toBe(expected);
    await each([...names.entries()], 2, async ([i, name]) => {
      const found = partsOf(name).map((file) => join(server.recordsDir, file));
      expect(found.length).toBe(parts[sourceAt(i)]);
      await expectWhole(found, sources[sourceAt(i)]!);
    });
    await eventually(
      () => (descriptors(server.pid) <= before.descriptors ? true : undefined),
      `descriptors are back to ${before.descriptors}`,
    );
  },
);
