import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { LineSplitter } from '../../../src/util/lines.ts';
import { eventually } from '../eventually.ts';

export interface WhipClientOptions {
  readonly codec?: 'h264' | 'vp8';
  readonly seconds?: number;
  readonly token?: string;
  readonly videoPt?: number;
  readonly audioPt?: number;
  /** First RTP sequence numbers. */
  readonly videoSeqnum?: number;
  readonly audioSeqnum?: number;
  readonly channels?: 1 | 2;
  readonly rtx?: boolean;
  /** The session is ended by DELETE; otherwise the process just ends. */
  readonly deletes?: boolean;
}

export type ClientEvent = Readonly<Record<string, unknown>> & { readonly event: string };

/** The GStreamer client of whip_client.py, as a process of its own. */
export class WhipClient {
  readonly events: ClientEvent[] = [];
  readonly #child: ChildProcess;
  #stderr = '';
  #exitCode: number | null | undefined;

  constructor(python: string, url: string, options: WhipClientOptions = {}) {
    this.#child = spawn(
      python,
      [join(import.meta.dirname, 'whip_client.py'), '--url', url, ...flags(options)],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const lines = new LineSplitter((line) => this.events.push(JSON.parse(line) as ClientEvent));
    this.#child.stdout?.on('data', (chunk: Buffer) => lines.write(chunk));
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-10_000);
    });
    this.#child.on('close', (code) => (this.#exitCode = code));
  }

  /** Waits for an event. @throws when the client ends without it. */
  async seen(event: string, kind?: string, withinMs = 30_000): Promise<ClientEvent> {
    return eventually(
      () => {
        const found = this.events.find(
          (each) => each.event === event && (kind === undefined || each['kind'] === kind),
        );
        if (found === undefined && this.#exitCode !== undefined)
          throw new Error(`the WHIP client ended (${this.#exitCode}) before ${event}: ${this.#stderr}`);
        return found;
      },
      `${event} of the WHIP client`,
      withinMs,
    );
  }

  /** Waits for the end of the process. */
  async ended(withinMs = 60_000): Promise<{ code: number | null; stderr: string }> {
    await eventually(
      () => (this.#exitCode === undefined ? undefined : true),
      'end of the WHIP client',
      withinMs,
    );
    return { code: this.#exitCode ?? null, stderr: this.#stderr };
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

function flags(options: WhipClientOptions): string[] {
  const valued = {
    codec: options.codec,
    seconds: options.seconds,
    token: options.token,
    channels: options.channels,
    'video-pt': options.videoPt,
    'audio-pt': options.audioPt,
    'video-seqnum': options.videoSeqnum,
    'audio-seqnum': options.audioSeqnum,
  };
  const given = Object.entries(valued).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  );
  if (options.rtx === false) given.push('--no-rtx');
  if (options.deletes === false) given.push('--no-delete');
  return given;
}
