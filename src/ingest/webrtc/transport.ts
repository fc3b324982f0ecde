import type { LocalTransport } from './offer.ts';

/** Where a transport is on its way: ICE, then DTLS, then SRTP. */
export type TransportState =
  | 'connecting'
  /** ICE has a pair of addresses; DTLS goes on. */
  | 'securing'
  | 'connected'
  /** No pair of addresses works, or none works any more. */
  | 'ice-failed'
  | 'dtls-failed'
  /** The client's certificate is not the one that its offer names. */
  | 'fingerprint-failed'
  /** The client ended DTLS, or `close` was called. */
  | 'closed';

/** ICE, DTLS and SRTP of one publication. Nothing it does later throws. */
export interface MediaTransport {
  /** Answers an offer with one m-line; resolves when every candidate is known. @throws Error when it cannot. */
  answer(offer: string): Promise<LocalTransport>;
  /** Decrypted RTP and RTCP; each Buffer is the handler's own. One handler. */
  onPacket(handler: (packet: Buffer) => void): void;
  /** Sends one RTCP packet; false when the transport is not open or full. */
  sendRtcp(packet: Buffer): boolean;
  /** One handler, told of changes only. */
  onState(handler: (state: TransportState) => void): void;
  /** Resolves when the native side has let go; not later than a second. */
  close(): Promise<void>;
}

/** Makes transports; the part of WebRTC that is exchanged when another implementation takes over. */
export interface TransportFactory {
  /** Takes the UDP port. @returns the port; the first of the range when each transport has one of its own. */
  start(): Promise<number>;
  create(name: string): MediaTransport;
  close(): Promise<void>;
}
