import { afterEach, expect, test } from 'vitest';
import type { Incident } from '../../../src/domain/incident.ts';
import type { Sample } from '../../../src/domain/media.ts';
import { aacFrame, aacHeader, avcFrame, avcHeader } from '../../support/rtmpBytes.ts';
import { RtmpClient } from '../../support/rtmpClient.ts';
import { RtmpHarness } from '../../support/rtmpHarness.ts';

const MESSAGE = 'timestamps of the publisher leapt and were mended';
const data = Buffer.from('0000000401020304', 'hex');
let harness: RtmpHarness;

afterEach(async () => {
  await harness.server.close();
});

async function publishing(): Promise<{ client: RtmpClient; told: (Incident | Sample)[] }> {
  harness = await RtmpHarness.start();
  const client = await RtmpClient.publishing(harness.port, 'cam');
  const told: (Incident | Sample)[] = [];
  harness.of('cam').stream.subscribe({
    onTrack: () => undefined,
    onSample: (sample) => void told.push(sample),
    onIncident: (incident) => void told.push(incident),
    onEnd: () => undefined,
  });
  client.video(0, avcHeader());
  client.audio(0, aacHeader());
  return { client, told };
}

test('a leap is told once, right before the first sample after it', async () => {
  const { client, told } = await publishing();
  const before = Date.now();
  for (const [at, kind] of [
    [0, 'video'],
    [10, 'audio'],
    [40, 'video'],
    [33, 'audio'],
    [90_080, 'video'],
    [90_056, 'audio'],
    [120, 'video'],
    [79, 'audio'],
  ] as const) {
    if (kind === 'video') client.video(at, avcFrame(data));
    else client.audio(at, aacFrame(data));
  }
  await harness.sampled('cam', 8);
  const times = told.map((each) => ('cause' in each ? each.detail : each.dts / 1000));
  expect(times).toEqual([0, 10, 40, 33, 'by 90 s forward', 80, 56, 'by 90 s back', 120, 79]);
  const incident = told.find((each) => 'cause' in each)!;
  expect(incident).toMatchObject({ cause: 'timestamps-leapt', lostMs: 0 });
  expect(incident.from).toBeGreaterThanOrEqual(before);
  expect(incident.to).toBeGreaterThanOrEqual(incident.from);
  client.end();
});

test('a publisher that leaps with each message does not flood the log, and loses nothing', async () => {
  const { client, told } = await publishing();
  for (let i = 0; i < 500; i++) client.video((i % 2) * 1_000_000 + i * 40, avcFrame(data));
  client.end();
  const { samples } = await harness.ended('cam');
  expect(samples).toHaveLength(500);
  expect(samples.every(({ dts }, i) => i === 0 || dts > samples[i - 1]!.dts)).toBe(true);
  expect(told.filter((each) => 'cause' in each)).toHaveLength(499);
  const lines = harness.logged(MESSAGE);
  expect(lines.length).toBeLessThan(10);
  expect(lines.reduce((sum, { fields }) => sum + Number(fields['more'] ?? 1), 0)).toBe(499);
});
