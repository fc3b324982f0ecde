import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Settings } from './config/settings.ts';
import type { Logger } from './domain/log.ts';
import type { TlsIdentity } from './tcp/clientServer.ts';

/** Something the server cannot start without is missing: a port, a folder, FFmpeg, a certificate. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
}

/** Waits for something the server cannot start without. @throws UnavailableError that begins with `what`. */
export async function needed<T>(what: string, promise: Promise<T>): Promise<T> {
  return promise.catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UnavailableError(what === '' ? reason : `${what}: ${reason}`, { cause: error });
  });
}

/** Reads the certificate of the settings; undefined when there is none. @throws UnavailableError */
async function readTls(settings: Settings, home: string): Promise<TlsIdentity | undefined> {
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

/** A server that takes another certificate for new connections; those that are open go on. */
export interface CertificateUser {
  useCertificate(tls: TlsIdentity): void;
}

/** Opens the doors of the settings; secure ones only with a certificate. */
export class Doors {
  readonly #settings: Settings;
  readonly #home: string;
  readonly #log: Logger;
  readonly #users: CertificateUser[] = [];
  #tls: TlsIdentity | undefined;
  /** Ports that were bound. */
  readonly ports = new Map<Door, number>();

  /** @param home absolute folder that the files of the certificate are relative to. */
  constructor(settings: Settings, home: string, log: Logger) {
    this.#settings = settings;
    this.#home = home;
    this.#log = log;
  }

  /** Reads the certificate; before that, and without one, secure doors stay closed. @throws UnavailableError */
  async readCertificate(): Promise<void> {
    this.#tls = await readTls(this.#settings, this.#home);
  }

  /** Reads the certificate anew for everything that listens. One that cannot be used changes nothing, nor is there one without TLS. Never throws. */
  async renewCertificate(): Promise<void> {
    if (this.#tls === undefined) return;
    try {
      await this.readCertificate();
      const tls = this.#tls;
      for (const user of this.#users) user.useCertificate(tls);
      const { subject, validTo } = new X509Certificate(tls.cert);
      this.#log.info('certificate is read again', { subject, validTo });
    } catch (err) {
      this.#log.error('certificate cannot be read again, the old one stays', { err });
    }
  }

  /** Has a server given each new certificate. */
  addCertificateUser(user: CertificateUser): void {
    this.#users.push(user);
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
