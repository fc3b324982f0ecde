import { plainAddress } from '../../util/endpoint.ts';
import type { TrackFormat } from './announce.ts';
import type { PortPair } from './mediaPorts.ts';

/** Takes the packets of one track. */
export interface TrackSink {
  rtp(data: Buffer): void;
  rtcp(data: Buffer): void;
}

/** The line that one track's packets come in on, from SETUP to the end of the session. */
export interface TrackLine {
  readonly kind: 'tcp' | 'udp';
  /** Undefined when the media cannot be recorded. */
  readonly format: TrackFormat | undefined;
  /** Packets come in order and none is lost. */
  readonly isOrdered: boolean;
  /** Packets are handed on from now on; those before are passed over. */
  open(sink: TrackSink): void;
  sendRtcp(packet: Buffer): void;
  /** Nothing comes any more, and ports are let go. Later calls do nothing. */
  close(): void;
}

/** Two channels of the RTSP connection (RFC 2326, 10.12). */
export class InterleavedLine implements TrackLine {
  readonly kind = 'tcp';
  readonly isOrdered = true;
  readonly format: TrackFormat | undefined;
  readonly channels: readonly [number, number];
  readonly #send: (bytes: Buffer) => void;
  #sink: TrackSink | undefined;

  /** @param send takes bytes for the connection. */
  constructor(
    format: TrackFormat | undefined,
    channels: readonly [number, number],
    send: (bytes: Buffer) => void,
  ) {
    this.format = format;
    this.channels = channels;
    this.#send = send;
  }

  get isOpen(): boolean {
    return this.#sink !== undefined;
  }

  open(sink: TrackSink): void {
    this.#sink = sink;
  }

  frame(channel: number, data: Buffer): void {
    if (channel === this.channels[0]) this.#sink?.rtp(data);
    else this.#sink?.rtcp(data);
  }

  sendRtcp(packet: Buffer): void {
    const head = Buffer.from([0x24, this.channels[1], packet.length >> 8, packet.length & 0xff]);
    this.#send(Buffer.concat([head, packet]));
  }

  close(): void {
    this.#sink = undefined;
  }
}

/** A pair of UDP ports. Datagrams from other addresses than the client's are passed over. */
export class UdpLine implements TrackLine {
  readonly kind = 'udp';
  readonly isOrdered = false;
  readonly format: TrackFormat | undefined;
  readonly port: number;
  readonly #pair: PortPair;
  readonly #client: { readonly address: string; readonly rtcpPort: number };

  /** @param client address of the RTSP connection, and where the client receives RTCP. */
  constructor(
    format: TrackFormat | undefined,
    pair: PortPair,
    client: { readonly address: string; readonly rtcpPort: number },
  ) {
    this.format = format;
    this.port = pair.port;
    this.#pair = pair;
    this.#client = { ...client, address: plainAddress(client.address) };
  }

  open(sink: TrackSink): void {
    const { rtp, rtcp } = this.#pair;
    rtp.on('message', (data, { address }) => this.#isClient(address) && sink.rtp(data));
    rtcp.on('message', (data, { address }) => this.#isClient(address) && sink.rtcp(data));
  }

  sendRtcp(packet: Buffer): void {
    const { address, rtcpPort } = this.#client;
    this.#pair.rtcp.send(packet, rtcpPort, address, () => undefined);
  }

  close(): void {
    this.#pair.close();
  }

  #isClient(address: string): boolean {
    return plainAddress(address) === this.#client.address;
  }
}
