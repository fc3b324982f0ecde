import { readFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { mutate } from '../../support/rtmpFuzz.ts';
import { strike } from '../../support/strike.ts';
import type { Attacker, Strike } from './attacker.ts';
import { noise, pick } from './attacker.ts';
import { changedFrames } from './browsers.ts';
import { rtmpSession, rtspSession } from './encoders.ts';
import { changedRequest } from './rest.ts';

/** A valid first flight (of Node.js 20), the same in every run. */
const HELLO = readFileSync(join(import.meta.dirname, '../tls/client-hello.bin'));
/** Longest silence of a connection, ms. */
const SILENCE_MS = 1000;

/** What is said inside of TLS, by door. */
const INSIDE = {
  rtmps: (next: () => number, name: string) => rtmpSession(next, name.at(-1) === '0' ? 't' : 'u'),
  rtsps: rtspSession,
  wss: changedFrames,
  https: changedRequest,
} as const;
type SecureDoor = keyof typeof INSIDE;
export const SECURE_DOORS = Object.keys(INSIDE) as readonly SecureDoor[];

/** Before or in the handshake: noise, a first flight that is cut or changed, or one that is followed by noise. */
function outside(next: () => number): Buffer {
  if (next() < 0.2) return noise(next);
  const hello = next() < 0.3 ? HELLO : mutate(HELLO, next);
  if (next() < 0.3) return hello.subarray(0, Math.floor(next() * hello.length));
  return next() < 0.5 ? hello : Buffer.concat([hello, noise(next)]);
}

/**
 * A whole handshake, then a changed session of the door's protocol, which ends in order, by a reset, or with noise
 * between the records. Resolves when it is over.
 */
async function handshaken(door: SecureDoor, { server, next, name, from, note }: Strike): Promise<void> {
  const bytes = note(INSIDE[door](next, name));
  const [end, maxVersion] = [next(), pick(next, ['TLSv1.2', 'TLSv1.3'] as const)];
  const junk = noise(next);
  await new Promise<void>((resolve) => {
    const plain = connectPlain({ port: server.port(door), host: '127.0.0.1', localAddress: from });
    plain.on('error', () => undefined).on('close', () => resolve());
    plain.setTimeout(SILENCE_MS, () => plain.destroy());
    const secure = connect({ socket: plain, rejectUnauthorized: false, maxVersion });
    secure.on('error', () => plain.destroy()).on('data', () => undefined);
    secure.once('secureConnect', () => {
      secure.write(bytes, () => {
        if (end < 0.4) secure.end();
        else if (end < 0.7) plain.resetAndDestroy();
        else plain.write(note(junk));
      });
    });
  });
}

/** The doors behind TLS: harm to the handshake, and changed sessions behind a valid one. */
export const tls: Attacker = {
  door: 'tls',
  strike: async (given) => {
    const { server, next, from, note } = given;
    const door = pick(next, SECURE_DOORS);
    if (next() < 0.5) return handshaken(door, given);
    const options = { localAddress: from, reset: next() < 0.3, silenceMs: SILENCE_MS };
    await strike(server.port(door), note(outside(next)), options);
  },
};
