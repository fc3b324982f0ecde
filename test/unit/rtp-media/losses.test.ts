import { expect, test } from 'vitest';
import { Reception } from './support.ts';

const OPUS = { codec: 'opus', clockRate: 48_000, channels: 2, lossWaitMs: 300 } as const;
const SOUND = Buffer.of(0x78);

/** Sound of 20 ms a packet, some of them left out; then the wait for those passes. */
function received(numbers: readonly number[], maxHeldPackets = 512): Reception {
  const reception = new Reception({ ...OPUS, maxHeldPackets });
  for (const i of numbers) {
    reception.push({ sequence: 65_530 + i, timestamp: i * 960, payload: SOUND }, i * 20);
    reception.check(i * 20);
  }
  reception.check(numbers.at(-1)! * 20 + 400);
  return reception;
}

test('what never came is told once, between the samples around it, with the media that is missing', () => {
  const { losses, order } = received([0, 1, 2, 4, 5, 9, 10, 11]);
  expect(losses).toEqual([
    { packets: 1, missingUs: 20_000 },
    { packets: 3, missingUs: 60_000 },
  ]);
  expect(order.slice(1)).toEqual([
    ...[0, 20_000, 40_000, 'loss', 80_000, 100_000, 'loss', 180_000, 200_000, 220_000],
  ]);
});

test('a packet that overtakes, comes late or again when it is asked for is no loss', () => {
  const { losses, samples } = received([0, 2, 1, 5, 4, 3]);
  expect(samples).toHaveLength(6);
  expect(losses).toEqual([]);
});

test('a hole wider than what can wait is counted whole', () => {
  const { losses } = received([0, 501], 16);
  expect(losses.reduce((sum, { packets }) => sum + packets, 0)).toBe(500);
});

test('nobody knows how much is missing behind the last sample', () => {
  const reception = received([0, 1]);
  for (const sequence of [65_533, 65_536])
    reception.push({ sequence, timestamp: 0, payload: Buffer.alloc(0), padding: 9 }, 500);
  reception.end();
  expect(reception.losses).toEqual([{ packets: 3, missingUs: undefined }]);
});
