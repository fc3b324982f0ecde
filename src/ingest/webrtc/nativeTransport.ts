import { PeerConnection, Video } from 'node-datachannel';
import type { RtcConfig, Track } from 'node-datachannel';
import { RecorderdError } from '../../domain/errors.ts';
import { findForeignSockets } from '../../process/foreignSockets.ts';
import { within } from '../../util/within.ts';
import { advertised } from './candidates.ts';
import { readLocalTransport } from './offer.ts';
import type { Fingerprint, LocalTransport } from './offer.ts';
import { holdPort } from './port.ts';
import type { HeldPort } from './port.ts';
import type { MediaTransport, TransportFactory, TransportState } from './transport.ts';

/** Where media comes in. */
export interface AddressOptions {
  /** Address of one interface; absent listens on all of them. */
  readonly bindAddress?: string;
  /** Address that clients are told instead of those of the machine. */
  readonly publicAddress?: string;
  /** One UDP port for all publications; 0 takes a free one. */
  readonly port?: number;
  /** One UDP port per publication instead. */
  readonly portRange?: { readonly from: number; readonly to: number };
}

/** Candidates are those of the machine, so that there is nothing to ask the network for. */
const GATHERING_LIMIT_MS = 5_000;
const CLOSE_LIMIT_MS = 1_000;

/**
 * The transport of libdatachannel. Sockets, ICE, DTLS and SRTP run in its threads; what it calls here runs on the
 * event loop. Its `cleanup` is never called, because it can hang: every callback below is let go when its track and
 * its connection report that they are closed, and then nothing keeps the process.
 */
export class NativeTransportFactory implements TransportFactory {
  readonly #options: AddressOptions;
  /** Keeps the shared port until the first publication: the library's threads, once begun, wake all the time. */
  #held: HeldPort | undefined;
  /** Keeps it from then on, while there is no publication: an agent that never learns of a peer. */
  #keeper: NativeTransport | undefined;
  #port = 0;

  constructor(options: AddressOptions) {
    this.#options = options;
  }

  async start(): Promise<number> {
    const { bindAddress, portRange } = this.#options;
    if (portRange !== undefined) {
      this.#port = portRange.from;
      return this.#port;
    }
    this.#held = await holdPort(this.#options.port ?? 0, bindAddress);
    this.#port = this.#held.port;
    return this.#port;
  }

  create(name: string): MediaTransport {
    if (this.#options.portRange === undefined) this.#keeper ??= this.#keep();
    return this.#create(name);
  }

  async close(): Promise<void> {
    this.#letGo();
    await this.#keeper?.close();
    this.#keeper = undefined;
  }

  #keep(): NativeTransport {
    this.#letGo();
    const keeper = this.#create('keeper');
    keeper.listen();
    return keeper;
  }

  #letGo(): void {
    this.#held?.release();
    this.#held = undefined;
  }

  #create(name: string): NativeTransport {
    const { bindAddress, portRange } = this.#options;
    const config: RtcConfig = {
      iceServers: [],
      ...(bindAddress === undefined ? {} : { bindAddress }),
      ...(portRange === undefined
        ? { enableIceUdpMux: true, portRangeBegin: this.#port, portRangeEnd: this.#port }
        : { portRangeBegin: portRange.from, portRangeEnd: portRange.to }),
    };
    return new NativeTransport(name, config, this.#options);
  }
}

class NativeTransport implements MediaTransport {
  readonly #connection: PeerConnection;
  readonly #options: AddressOptions;
  #track: Track | undefined;
  #state: TransportState = 'connecting';
  #offered: Fingerprint | undefined;
  #onPacket: (packet: Buffer) => void = () => undefined;
  #onState: (state: TransportState) => void = () => undefined;
  #hasClosed = false;
  readonly #closed: Promise<void>;
  #resolveClosed: () => void = () => undefined;

  constructor(name: string, config: RtcConfig, options: AddressOptions) {
    this.#options = options;
    this.#closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    this.#connection = new PeerConnection(name, config);
    this.#connection.onStateChange(guarded((state: string) => this.#connectionState(state)));
    this.#connection.onIceStateChange(guarded((state: string) => this.#iceState(state)));
    this.#connection.onTrack(guarded((track: Track) => this.#take(track)));
  }

  /** Opens the socket without a peer. @throws Error when it cannot. */
  listen(): void {
    this.#take(this.#connection.addTrack(new Video('0', 'RecvOnly')));
    this.#connection.setLocalDescription();
  }

  async answer(offer: string): Promise<LocalTransport> {
    const gathered = new Promise<true>((resolve) => {
      this.#connection.onGatheringStateChange((state) => {
        if (state === 'complete') resolve(true);
      });
    });
    this.#offered = readLocalTransport(offer)?.fingerprint;
    this.#connection.setRemoteDescription(offer, 'offer');
    if ((await within(gathered, GATHERING_LIMIT_MS)) === undefined) {
      throw new RecorderdError('INTERNAL', 'the addresses of this machine were not found in time');
    }
    findForeignSockets();
    const local = readLocalTransport(this.#connection.localDescription()?.sdp ?? '');
    if (local === undefined || this.#track === undefined) {
      throw new RecorderdError('INTERNAL', 'the WebRTC transport gave no answer');
    }
    return { ...local, candidates: advertised(local.candidates, this.#options) };
  }

  onPacket(handler: (packet: Buffer) => void): void {
    this.#onPacket = handler;
  }

  onState(handler: (state: TransportState) => void): void {
    this.#onState = handler;
  }

  sendRtcp(packet: Buffer): boolean {
    try {
      return this.#track?.isOpen() === true && this.#track.sendMessageBinary(packet);
    } catch {
      // It closes in a thread of its own, between the question and the sending.
      return false;
    }
  }

  async close(): Promise<void> {
    if (!this.#hasClosed) {
      this.#hasClosed = true;
      this.#change('closed');
      try {
        this.#track?.close();
        this.#connection.close();
      } catch {
        // Closed already.
      }
    }
    await within(this.#closed, CLOSE_LIMIT_MS);
  }

  #take(track: Track): void {
    if (this.#track !== undefined) return;
    this.#track = track;
    track.onMessage(
      guarded((packet: Buffer) => {
        if (!this.#hasClosed) this.#onPacket(packet);
      }),
    );
    // Registered so that the native side lets go of the track's callbacks.
    track.onClosed(() => undefined);
  }

  #connectionState(state: string): void {
    if (state === 'connected') this.#change('connected');
    if (state === 'failed') this.#change(this.#failure());
    if (state === 'disconnected' && this.#state === 'connected') this.#change('closed');
    if (state === 'closed') {
      this.#change('closed');
      this.#resolveClosed();
    }
  }

  #iceState(state: string): void {
    const isUp = state === 'connected' || state === 'completed';
    if (isUp && this.#state === 'connecting') this.#change('securing');
  }

  #failure(): TransportState {
    // Between the two ICE was up, and the handshake is what failed.
    if (this.#state !== 'securing') return 'ice-failed';
    try {
      const { value } = this.#connection.remoteFingerprint();
      const offered = this.#offered?.value.toUpperCase();
      return value !== '' && value.toUpperCase() !== offered ? 'fingerprint-failed' : 'dtls-failed';
    } catch {
      return 'dtls-failed';
    }
  }

  #change(state: TransportState): void {
    if (this.#state === state || this.#state === 'closed') return;
    this.#state = state;
    this.#onState(state);
  }
}

/** What is thrown into the native side ends the process at once: it is thrown on the event loop instead. */
function guarded<T>(handle: (value: T) => void): (value: T) => void {
  return (value) => {
    try {
      handle(value);
    } catch (error) {
      setImmediate(() => {
        throw error;
      });
    }
  };
}
