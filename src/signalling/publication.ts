import type { LogFields, Logger } from '../domain/log.ts';
import type { CustomParameters } from '../domain/publisher.ts';
import type { RecordingControl, WebRtcIngest, WebRtcPublication } from '../streams/contracts.ts';
import { streamView } from '../streams/streamView.ts';
import { within } from '../util/within.ts';
import type { Identity } from './identity.ts';
import { finalStatus, INFO, infoOf } from './infos.ts';
import { refusedPublication } from './refusal.ts';

/** What `publishStream` asks for. */
export interface PublishRequest {
  readonly mediaSessionId: string;
  readonly name: string;
  readonly sdp: string;
  readonly record: boolean;
  readonly custom: CustomParameters;
  readonly transport: 'UDP' | 'TCP';
}

/** What a publication works with. */
export interface PublicationHost {
  readonly webrtc: WebRtcIngest;
  readonly recordings: RecordingControl;
  readonly log: Logger;
  /** How long the last event waits for the file to be final. */
  readonly finalTimeoutMs: number;
  /** Counts publications that did not come about; clients choose how many there are. */
  readonly refusals: { add(fields: LogFields): void };
  say(message: string, ...data: readonly unknown[]): void;
}

/**
 * One media session from `publishStream` to its last event. The SDK listens to the first terminal event only, so
 * that event waits for the name of the finished file.
 */
export class Publication {
  readonly #request: PublishRequest;
  readonly #host: PublicationHost;
  readonly #ended: Promise<string>;
  #settleEnd: (info: string) => void = () => undefined;
  #info: string | undefined;
  #media: WebRtcPublication | undefined;
  #isFlowing = false;

  constructor(request: PublishRequest, host: PublicationHost) {
    this.#request = request;
    this.#host = host;
    this.#ended = new Promise((resolve) => (this.#settleEnd = resolve));
  }

  /** Asks for the stream and tells the client what becomes of it. Resolves after the last event; never rejects. */
  async run(identity: Identity): Promise<void> {
    try {
      this.#media = await this.#ask(identity);
    } catch (err) {
      this.#refuse(err, identity);
      return;
    }
    if (this.#info === undefined) this.#answer(this.#media);
    else this.#media.end(this.#info);
    const info = await this.#ended;
    const recordName = await this.#finalName(this.#media);
    this.#notify(finalStatus(info), { info, recordName });
    const { name: streamName, mediaSessionId } = this.#request;
    this.#host.log.info('web sdk publication ended', { streamName, mediaSessionId, info, recordName });
  }

  /** Ends the publication; the first reason is the one that the client is told. */
  end(info: string): void {
    if (this.#info !== undefined) return;
    this.#info = info;
    this.#media?.end(info);
    this.#settleEnd(info);
  }

  /** The publisher says that it mutes a kind of media, or no longer does. */
  setMuted(kind: 'audio' | 'video', isMuted: boolean): void {
    if (this.#media !== undefined) this.#media.stream.muted[kind] = isMuted;
  }

  #ask(identity: Identity): Promise<WebRtcPublication> {
    const publisher = {
      ...identity,
      mediaProvider: 'WebRTC',
      terminate: (info: string) => this.end(info),
    } as const;
    return this.#host.webrtc.publish(
      { ...this.#request, publisher },
      { onPublishing: () => this.#onPublishing(), onEnded: (info) => this.end(info) },
    );
  }

  #answer({ answer }: WebRtcPublication): void {
    // Android's SDK needs the third argument: it is the answer to the client's own offer.
    this.#host.say('setRemoteSDP', this.#request.mediaSessionId, answer, true);
    this.#notify('PENDING');
    if (this.#isFlowing) this.#notifyPublishing();
  }

  #onPublishing(): void {
    if (this.#isFlowing || this.#info !== undefined) return;
    this.#isFlowing = true;
    if (this.#media !== undefined) this.#notifyPublishing();
  }

  #notifyPublishing(): void {
    const isWaiting = this.#host.recordings.isWaiting(this.#request.mediaSessionId);
    this.#notify('PUBLISHING', isWaiting ? { info: INFO.notRecorded } : {});
  }

  #refuse(err: unknown, identity: Identity): void {
    const info = infoOf(err);
    const { name: streamName, mediaSessionId } = this.#request;
    this.#host.refusals.add({ sessionId: identity.sessionId, streamName, mediaSessionId, info, err });
    this.#host.say('notifyStreamStatusEvent', refusedPublication({ ...this.#request, info }, identity));
  }

  async #finalName({ stream }: WebRtcPublication): Promise<string | null> {
    const final = this.#host.recordings.whenFinal(stream).then((name) => ({ name }));
    const result = await within(final, this.#host.finalTimeoutMs);
    if (result === undefined) {
      const { name: streamName, mediaSessionId } = stream;
      this.#host.log.warn('client told of its end before the file was final', { streamName, mediaSessionId });
    }
    return result?.name ?? null;
  }

  #notify(status: string, change: { info?: string; recordName?: string | null } = {}): void {
    if (this.#media === undefined) return;
    const { stream } = this.#media;
    const view = streamView(stream, this.#host.recordings.of(stream.mediaSessionId), Date.now());
    this.#host.say('notifyStreamStatusEvent', { ...view, status, ...change });
  }
}
