import { randomInt, randomUUID } from 'node:crypto';
import type { Publisher } from '../../domain/publisher.ts';
import type { StreamInit } from '../../streams/stream.ts';
import type { ClientPlace } from '../../tcp/clientPlace.ts';
import { trackOf } from './announce.ts';
import type { AnnouncedTrack } from './announce.ts';
import type { MediaPorts } from './mediaPorts.ts';
import { RtspError } from './message.ts';
import type { StreamName } from './streamName.ts';
import { InterleavedLine, UdpLine } from './trackLine.ts';
import type { TrackLine } from './trackLine.ts';
import { chooseTransport } from './transport.ts';
import type { Transport } from './transport.ts';

/** Manners of receiving. */
export interface AnnouncedOptions {
  /** Media may come by UDP. */
  readonly acceptsUdp: boolean;
}

/** What an announcement is made of. */
export interface AnnouncedDeps {
  readonly named: StreamName;
  readonly tracks: readonly AnnouncedTrack[];
  readonly client: ClientPlace;
  readonly ports: MediaPorts;
  /** Takes interleaved packets for the client. */
  readonly send: (bytes: Buffer) => void;
}

const APP_KEY = 'rtspStreamingApp';
const LOGIN_CHARACTERS = 20;
const ALPHANUMERICS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** A stream that was announced: its tracks, and the lines that were set up for them. */
export class Announced {
  readonly #deps: AnnouncedDeps;
  readonly #options: AnnouncedOptions;
  /** The track of each kind that is recorded: the first one that can be. */
  readonly #recorded: ReadonlySet<AnnouncedTrack>;
  readonly #login = randomLogin();
  readonly #lines = new Map<AnnouncedTrack, TrackLine>();
  readonly #byChannel = new Map<number, InterleavedLine>();

  constructor(deps: AnnouncedDeps, options: AnnouncedOptions) {
    this.#deps = deps;
    this.#options = options;
    const firstOf = (kind: 'audio' | 'video'): readonly AnnouncedTrack[] =>
      deps.tracks.filter(({ format }) => format?.kind === kind).slice(0, 1);
    this.#recorded = new Set([...firstOf('video'), ...firstOf('audio')]);
  }

  get name(): string {
    return this.#deps.named.name;
  }

  /** At least one track that is recorded was set up. */
  get isSetUp(): boolean {
    return this.lines.some(({ format }) => format !== undefined);
  }

  get lines(): readonly TrackLine[] {
    return [...this.#lines.values()];
  }

  /** Tracks that are not recorded, in words. */
  get leftOut(): readonly string[] {
    return this.#deps.tracks
      .filter((track) => !this.#recorded.has(track))
      .map(({ description }) => description);
  }

  /** What the stream is listed with. */
  get streamInit(): Omit<StreamInit, 'gopCacheMaxBytes' | 'publisher'> {
    const { name, custom } = this.#deps.named;
    const has = (kind: string): boolean => this.lines.some(({ format }) => format?.kind === kind);
    const expected = { audio: has('audio'), video: has('video') };
    return { name, custom, mediaSessionId: randomUUID(), createdAt: Date.now(), expected };
  }

  /** What the client is known by. */
  get identity(): Omit<Publisher, 'terminate'> {
    const { sessionId } = this.#deps.client;
    const { custom } = this.#deps.named;
    return { sessionId, appKey: APP_KEY, login: this.#login, mediaProvider: 'RTSP', custom };
  }

  /** The open line that takes the frames of an interleaved channel. */
  lineOf(channel: number): InterleavedLine | undefined {
    const line = this.#byChannel.get(channel);
    return line?.isOpen === true ? line : undefined;
  }

  /**
   * Sets up the line of one track. @returns the Transport field of the answer. @throws RtspError 404, 455, 461, or
   * 503 when no UDP port is free.
   */
  async setup(uri: string, transportField: string): Promise<string> {
    const track = trackOf(uri, this.#deps.tracks);
    if (track === undefined) throw new RtspError(404, 'The announcement has no such track');
    if (this.#lines.has(track)) throw new RtspError(455, 'The track is set up already');
    const transport = chooseTransport(transportField, { udp: this.#options.acceptsUdp });
    if (transport === undefined) throw new RtspError(461, 'Unsupported Transport');
    return transport.kind === 'tcp' ? this.#interleaved(track, transport) : this.#udp(track, transport);
  }

  /** Lets all lines go. Later calls do nothing. */
  close(): void {
    for (const line of this.#lines.values()) line.close();
  }

  #formatOf(track: AnnouncedTrack): AnnouncedTrack['format'] {
    return this.#recorded.has(track) ? track.format : undefined;
  }

  #interleaved(track: AnnouncedTrack, transport: Transport & { kind: 'tcp' }): string {
    const channels = transport.channels ?? this.#freeChannels();
    if (channels === undefined || channels.some((channel) => this.#byChannel.has(channel)))
      throw new RtspError(461, 'The interleaved channels are in use');
    const line = new InterleavedLine(this.#formatOf(track), channels, this.#deps.send);
    this.#lines.set(track, line);
    for (const channel of channels) this.#byChannel.set(channel, line);
    return `${transport.profile}/TCP;unicast;interleaved=${channels[0]}-${channels[1]};mode=record`;
  }

  #freeChannels(): readonly [number, number] | undefined {
    for (let channel = 0; channel < 256; channel += 2) {
      if (!this.#byChannel.has(channel) && !this.#byChannel.has(channel + 1)) return [channel, channel + 1];
    }
    return undefined;
  }

  async #udp(track: AnnouncedTrack, transport: Transport & { kind: 'udp' }): Promise<string> {
    const { client, ports } = this.#deps;
    const [rtpPort, rtcpPort] = transport.clientPorts;
    const pair = await ports.take(client.localAddress).catch((error: unknown) => {
      throw new RtspError(503, 'No UDP port is free', { cause: error });
    });
    const line = new UdpLine(this.#formatOf(track), pair, { address: client.address, rtcpPort });
    this.#lines.set(track, line);
    const server = `server_port=${pair.port}-${pair.port + 1}`;
    return `${transport.profile}/UDP;unicast;client_port=${rtpPort}-${rtcpPort};${server};mode=record`;
  }
}

function randomLogin(): string {
  return Array.from({ length: LOGIN_CHARACTERS }, () =>
    ALPHANUMERICS.charAt(randomInt(ALPHANUMERICS.length)),
  ).join('');
}
