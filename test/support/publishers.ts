import { spawn } from 'node:child_process';

/** A publisher process; `ended` resolves with its exit code and what it said. */
export interface PublisherProcess {
  readonly ended: Promise<{ code: number | null; stderr: string }>;
  readonly kill: (signal: NodeJS.Signals) => void;
}

/** Starts a program with its standard streams bounded and its end awaited. */
export function startPublisher(command: string, args: readonly string[]): PublisherProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-10_000)));
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve({ code, stderr }));
  });
  return { ended, kill: (signal) => child.kill(signal) };
}

/** A real ffmpeg publishes a file by RTMP without transcoding, in real time unless `fast`. */
export function publishFile(
  file: string,
  url: string,
  options: {
    readonly fast?: boolean;
    readonly ffmpeg?: string;
    /** Times the file is repeated. */
    readonly loop?: number;
    readonly extra?: readonly string[];
  } = {},
): PublisherProcess {
  return startPublisher(options.ffmpeg ?? 'ffmpeg', [
    ...['-v', 'error', '-nostdin', ...(options.fast === true ? [] : ['-re'])],
    ...(options.loop === undefined ? [] : ['-stream_loop', String(options.loop)]),
    ...['-i', file, '-map', '0', '-c', 'copy', ...(options.extra ?? []), '-f', 'flv', url],
  ]);
}
