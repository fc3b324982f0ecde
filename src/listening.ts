import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Settings } from './config/settings.ts';
import type { Logger } from './domain/log.ts';

/** Something the server cannot start without is missing: a port, a folder, FFmpeg, a certificate. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
}

/** PEM texts of the server's certificate. */
export interface TlsIdentity {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Waits for something the server cannot start without. @throws UnavailableError that begins with `what`. */
export async function needed<T>(what: string, promise: Promise<T>): Promise<T> {
  return promise.catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UnavailableError(what === '' ? reason : `${what}: ${reason}`, { cause: error });
  });
}

/** Reads the certificate of the settings; undefined when there is none. @throws UnavailableError */
export async function readTls(settings: Settings, home: string): Promise<TlsIdentity | undefined> {
  const { tls_certificate: cert, tls_key: key } = settings;
  if (cert === '' || key === '') return undefined;
  const identity = {
    cert: await needed(`tls_certificate: ${cert} cannot be read`, readFile(resolve(home, cert))),
    key: await needed(`tls_key: ${key} cannot be read`, readFile(resolve(home, key))),
  };
  try {
    createSecureContext(identity);
  } catch (error) {
    throw new UnavailableError(`tls_certificate and tls_key cannot be used: ${String(error)}`, {
      cause: error,
    });
  }
  return identity;
}

/** A listener's name in the log and, with `.port`, its setting. */
export type Door =
  'http' | 'http.legacy' | 'https' | 'https.legacy' | 'ws' | 'wss' | 'rtmp' | 'rtmps' | 'rtsp' | 'rtsps';

const SECURE_DOORS: ReadonlySet<Door> = new Set<Door>(['https', 'https.legacy', 'wss', 'rtmps', 'rtsps']);

/** What a server that listens on ports looks like from here. */
export type Listen = (
  port: number,
  host: string | undefined,
  tls: TlsIdentity | undefined,
) => Promise<number>;

/** Opens the doors of the settings; secure ones only with a certificate. */
export class Doors {
  readonly #settings: Settings;
  readonly #tls: TlsIdentity | undefined;
  readonly #log: Logger;
  /** Ports that were bound. */
  readonly ports = new Map<Door, number>();

  constructor(settings: Settings, tls: TlsIdentity | undefined, log: Logger) {
    this.#settings = settings;
    this.#tls = tls;
    this.#log = log;
  }

  /** The certificate, for a door that needs one. */
  tlsFor(door: Door): TlsIdentity | undefined {
    return SECURE_DOORS.has(door) ? this.#tls : undefined;
  }

  /** True when the settings want this door and it can be had. */
  isWanted(door: Door): boolean {
    return this.#portOf(door) !== undefined && (!SECURE_DOORS.has(door) || this.#tls !== undefined);
  }

  /** Listens, unless the door is to stay closed. @throws UnavailableError, e.g. for a port that is taken. */
  async open(door: Door, listen: Listen): Promise<void> {
    const port = this.#portOf(door);
    if (port === undefined || !this.isWanted(door)) return;
    const address = this.#settings.ip_local === '' ? undefined : this.#settings.ip_local;
    const opening = listen(port, address, this.tlsFor(door));
    const bound = await needed(`${door}.port: cannot listen on port ${port}`, opening);
    this.ports.set(door, bound);
    this.#log.info('listening', { door, port: bound, address: address ?? 'all interfaces' });
  }

  #portOf(door: Door): number | undefined {
    return this.#settings[`${door}.port`];
  }
}
