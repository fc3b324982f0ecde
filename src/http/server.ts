import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createHttpsServer, Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type Koa from 'koa';
import type { Logger } from '../domain/log.ts';
import { Admission } from '../tcp/admission.ts';
import type { AdmissionLimits, ConnectionLoad } from '../tcp/admission.ts';
import type { TlsIdentity } from '../tcp/clientServer.ts';
import { RepeatLog } from '../util/repeatLog.ts';
import { Refusals } from './refusals.ts';
import type { RefusalLimits } from './refusals.ts';

/** Bounds on what clients may take, on all ports together. */
export interface HttpLimits extends AdmissionLimits, RefusalLimits {
  /** Request line and headers together. */
  readonly maxHeaderBytes: number;
  /** Time to send the headers, and to finish a TLS handshake. Not above `requestTimeoutMs`. */
  readonly headersTimeoutMs: number;
  /** Time to send the whole request. */
  readonly requestTimeoutMs: number;
  /** How long an idle connection is kept for the next request. */
  readonly keepAliveTimeoutMs: number;
  /** A connection on which nothing moves for this long is dropped, a waiting answer included. */
  readonly idleTimeoutMs: number;
}

/** Roomy for REST, tight for an attacker. */
export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  maxConnections: 1024,
  maxConnectionsPerAddress: 256,
  maxHeaderBytes: 16_384,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 15_000,
  idleTimeoutMs: 120_000,
  maxRefusals: 64,
  refusalMs: 1000,
};

export interface HttpServerDeps {
  readonly log: Logger;
  readonly limits: HttpLimits;
}

/** Serves one app on any number of ports, plain and TLS. */
export class HttpServer {
  readonly #handle: ReturnType<Koa['callback']>;
  readonly #deps: HttpServerDeps;
  readonly #servers: Server[] = [];
  /** Raw sockets, because Node's own list lacks those still in their TLS handshake. */
  readonly #admission: Admission;
  readonly #refusals: Refusals;
  readonly #refusalLog: RepeatLog;
  #closing = false;

  constructor(app: Koa, deps: HttpServerDeps) {
    this.#handle = app.callback();
    this.#deps = deps;
    this.#admission = new Admission(deps.limits);
    this.#refusals = new Refusals(deps.limits);
    this.#refusalLog = new RepeatLog(deps.log, 'http connection refused');
  }

  /** Connections of all its ports. */
  get connections(): ConnectionLoad {
    return this.#admission.load;
  }

  /**
   * Opens one listener; with `tls` it speaks https. Port 0 picks a free one.
   * @returns the port bound.
   * @throws the system's error, e.g. EADDRINUSE, or OpenSSL's for a bad certificate.
   */
  async listen(port: number, host?: string, tls?: TlsIdentity): Promise<number> {
    const server = this.#create(tls);
    this.#servers.push(server);
    server.listen(port, host);
    await once(server, 'listening');
    server.on('error', (err) => this.#deps.log.error('http listener failed', { err, port }));
    return (server.address() as AddressInfo).port;
  }

  /** Takes another certificate for new connections of all TLS listeners. @throws OpenSSL's error. */
  useCertificate(tls: TlsIdentity): void {
    for (const server of this.#servers) if (server instanceof HttpsServer) server.setSecureContext(tls);
  }

  /** Takes no new connection, lets running requests end for `graceMs`, then cuts what is left. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    this.#refusals.destroyAll();
    const cut = setTimeout(() => this.#admission.destroyAll(), graceMs);
    await Promise.all(this.#servers.map((server) => new Promise((closed) => server.close(closed))));
    clearTimeout(cut);
    this.#refusalLog.close();
  }

  #create(tls: TlsIdentity | undefined): Server {
    const { limits } = this.#deps;
    const options = {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, limits.headersTimeoutMs),
    };
    const secure = { ...options, ...tls, handshakeTimeout: limits.headersTimeoutMs };
    const server = tls === undefined ? createHttpServer(options) : createHttpsServer(secure);
    server.setTimeout(limits.idleTimeoutMs);
    server.on('connection', (socket: Socket) => this.#admit(socket, tls !== undefined));
    server.on('request', (request, response) => this.#serve(server, request, response));
    return server;
  }

  /** Counts a raw connection, or refuses it when there are too many: with an answer, unless that took a TLS handshake. */
  #admit(socket: Socket, isTls: boolean): void {
    const reason = this.#admission.admit(socket);
    if (reason === undefined) return;
    this.#refusalLog.add({ address: socket.remoteAddress, reason });
    socket.on('error', () => undefined);
    if (isTls || this.#closing) socket.destroy();
    else this.#refusals.answer(socket, reason);
  }

  #serve(server: Server, request: IncomingMessage, response: ServerResponse): void {
    if (this.#refusals.has(request.socket)) return;
    response.once('close', () => {
      if (this.#closing) server.closeIdleConnections();
    });
    void this.#handle(request, response);
  }
}
