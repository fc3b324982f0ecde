import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { random } from '../support/rtmpFuzz.ts';
import type { TestServer } from '../support/server.ts';
import type { Attacker } from './attackers/attacker.ts';

/** Inputs of each lane that are kept when something breaks. */
const KEPT = 8;
/** Between two strikes of a lane, so that attackers leave the server some of the machine. */
const PACE_MS = 5;
const FOUND = join(import.meta.dirname, 'found');

/** What was done through one door. */
export interface Tally {
  strikes: number;
  inputs: number;
  bytes: number;
}

/** Every attacker on several lanes at once, until told to stop. */
export class Squad {
  readonly tallies = new Map<string, Tally>();
  /** Strikes that could not be made, e.g. `fetch failed`, by their words. */
  readonly failures = new Map<string, number>();
  readonly #server: TestServer;
  readonly #seed: number;
  readonly #recent = new Map<string, Buffer[]>();
  readonly #lanes: Promise<void>[] = [];
  #isOver = false;

  constructor(server: TestServer, seed: number) {
    this.#server = server;
    this.#seed = seed;
  }

  start(attackers: readonly Attacker[], lanesEach: number): void {
    for (const attacker of attackers) {
      this.tallies.set(attacker.door, { strikes: 0, inputs: 0, bytes: 0 });
      for (let lane = 0; lane < lanesEach; lane++) this.#lanes.push(this.#run(attacker, lane));
    }
  }

  /** Resolves when the last strikes are over. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#lanes);
  }

  /** Writes the newest inputs of every lane to files that name door, seed and strike. @returns their folder. */
  keep(): string {
    mkdirSync(FOUND, { recursive: true });
    for (const [id, inputs] of this.#recent)
      inputs.forEach((input, i) => writeFileSync(join(FOUND, `${id}-${i}.bin`), input));
    return FOUND;
  }

  async #run(attacker: Attacker, lane: number): Promise<void> {
    const id = `${attacker.door}-${this.#seed}-${lane}`;
    const next = random(createHash('sha256').update(id).digest().readUInt32BE(0));
    const tally = this.tallies.get(attacker.door)!;
    const recent: Buffer[] = [];
    this.#recent.set(id, recent);
    const note = (input: Buffer): Buffer => {
      tally.inputs++;
      tally.bytes += input.length;
      recent.push(input);
      if (recent.length > KEPT) recent.shift();
      return input;
    };
    for (let n = 0; !this.#isOver; n++) {
      const from = `127.0.${2 + lane}.${1 + (n % 250)}`;
      const strike = { server: this.#server, next, n, name: `${attacker.door}${lane}`, from, note };
      await attacker.strike(strike).catch((error: unknown) => this.#missed(attacker, error));
      tally.strikes++;
      // A datagram is sent without a turn of the event loop: a lane that sends nothing else would take them all.
      await pause(PACE_MS);
    }
  }

  #missed({ door }: Attacker, error: unknown): void {
    const words = `${door}: ${error instanceof Error ? error.message : String(error)}`;
    this.failures.set(words, (this.failures.get(words) ?? 0) + 1);
  }
}
