import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { LineSplitter } from '../../../src/util/lines.ts';
import { eventually } from '../eventually.ts';

/** Debian's own, which has the bindings of GStreamer. */
const PYTHON = '/usr/bin/python3';

export interface CameraOptions {
  /** 0 takes a free one. */
  readonly port?: number;
  /** Path to launch line of GStreamer, with payloaders pay0, pay1, … */
  readonly mounts: Readonly<Record<string, string>>;
  /** All clients of a path see the same. */
  readonly shared?: boolean;
  readonly auth?: { readonly method: 'basic' | 'digest'; readonly user: string; readonly password: string };
}

/** An independent RTSP camera: GStreamer's server in a process of its own. */
export class Camera {
  port = 0;
  /** Connections it has taken. */
  clients = 0;
  readonly #child: ChildProcess;
  readonly #said: string[] = [];
  #hasEnded = false;

  private constructor(options: CameraOptions) {
    const json = JSON.stringify({ port: 0, ...options });
    this.#child = spawn(PYTHON, [join(import.meta.dirname, 'camera.py'), json], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const lines = new LineSplitter((line) => {
      if (line === 'client') this.clients++;
      else this.#said.push(line);
      if (line.startsWith('ready ')) this.port = Number(line.slice(6));
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => lines.write(chunk));
    this.#child.stderr?.on('data', (chunk: Buffer) => lines.write(chunk));
    this.#child.on('exit', () => (this.#hasEnded = true));
  }

  /** Resolves when the camera takes connections. */
  static async start(options: CameraOptions): Promise<Camera> {
    const camera = new Camera(options);
    await eventually(() => {
      if (camera.#hasEnded) throw new Error(`camera ended: ${camera.#said.join('\n')}`);
      return camera.port > 0 ? true : undefined;
    }, 'camera is ready');
    return camera;
  }

  /** @param login `user:password`, escaped. */
  uri(path: string, login = ''): string {
    return `rtsp://${login === '' ? '' : `${login}@`}127.0.0.1:${this.port}${path}`;
  }

  /** Stops all of it where it stands, so that it takes connections but gives nothing; it can go on. */
  freeze(isFrozen: boolean): void {
    this.#child.kill(isFrozen ? 'SIGSTOP' : 'SIGCONT');
  }

  /** Ends it at once, as a power cut does. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await eventually(() => (this.#hasEnded ? true : undefined), 'camera is gone');
  }
}

/** Launch line that plays an MP4 once to each client, in real time. */
export function playMp4(file: string, parts: { video?: string; audio?: string } = {}): string {
  const { video = 'h264parse ! rtph264pay', audio } = parts;
  const videoBranch = `d.video_0 ! queue ! ${video} name=pay0 pt=96`;
  const audioBranch = audio === undefined ? '' : `d.audio_0 ! queue ! ${audio} name=pay1 pt=97`;
  return `filesrc location=${file} ! qtdemux name=d ${videoBranch} ${audioBranch}`;
}

/** Payloader of AAC for {@link playMp4}. */
export const AAC = 'aacparse ! rtpmp4gpay';

/** Launch line of a camera that shows a moving picture for ever; for `shared`. */
export function livePicture(size = { width: 320, height: 180 }): string {
  const caps = `video/x-raw,width=${size.width},height=${size.height},framerate=25/1`;
  const encode = 'x264enc tune=zerolatency speed-preset=ultrafast bitrate=300 key-int-max=25';
  return `videotestsrc is-live=true pattern=ball ! ${caps} ! ${encode} ! h264parse ! rtph264pay name=pay0 pt=96`;
}
