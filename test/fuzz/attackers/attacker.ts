import type { TestServer } from '../../support/server.ts';

/** What one strike has to work with. */
export interface Strike {
  readonly server: TestServer;
  /** Seeded: the same strike of the same seed does the same. */
  readonly next: () => number;
  /** Which strike of its lane it is, from 0. */
  readonly n: number;
  /** A name that no other lane publishes by. */
  readonly name: string;
  /** Loopback address that the strike comes from: limits per address hit it alone. */
  readonly from: string;
  /** Notes an input before it is sent, so that it can be kept when it breaks something. */
  readonly note: (input: Buffer) => Buffer;
}

/** One way of doing harm through one door. Never rejects for what the server does to the connection. */
export interface Attacker {
  readonly door: string;
  readonly strike: (strike: Strike) => Promise<void>;
}

export const pick = <T>(next: () => number, values: readonly T[]): T =>
  values[Math.floor(next() * values.length)]!;

export function noise(next: () => number): Buffer {
  return Buffer.from(Array.from({ length: 1 + Math.floor(next() * 4000) }, () => next() * 256));
}
