import { expect, test } from 'vitest';
import { RecorderCounts } from '../../../src/recorder/recorderCounts.ts';

/** As an ingest worker counts. */
function counted(): RecorderCounts {
  const counts = new RecorderCounts();
  counts.recordingsStarted = 2;
  counts.childrenStarted = 3;
  counts.recordingsEnded.add('publisher-left');
  counts.childEnds.add('finished', 2);
  counts.incident({ cause: 'packets-lost', from: 0, to: 40, lostMs: 40 });
  counts.finaliseSeconds.add(0.02);
  counts.finaliseSeconds.add(100);
  counts.partBytes = 1000;
  return counts;
}

test('what one process has counted is added to what another has, and is not told twice', () => {
  const [worker, supervisor] = [counted(), counted()];
  supervisor.addAll(structuredClone(worker.take()));
  supervisor.addAll(structuredClone(worker.take()));
  expect(supervisor).toMatchObject({ recordingsStarted: 4, childrenStarted: 6, partBytes: 2000 });
  expect(supervisor.recordingsEnded.of('publisher-left')).toBe(2);
  expect(supervisor.childEnds.of('finished')).toBe(4);
  expect(supervisor.lostMs.of('packets-lost')).toBe(80);
  const { count, sum } = supervisor.finaliseSeconds;
  expect([count, Math.round(sum * 100)]).toEqual([4, 20_004]);
  expect(supervisor.finaliseSeconds.cumulative().at(-1)).toBe(2);
  expect(worker.take()).toEqual(new RecorderCounts().take());
});
