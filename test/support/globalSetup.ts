import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { TestProject } from 'vitest/node';

/** Source files made once; the video of both starts with a key frame and has one every two seconds. */
export interface Media {
  /** 12 s, 640x360, 25 fps, H.264 with two B-frames, AAC 44.1 kHz stereo 128 kbit/s. */
  readonly bframesFlv: string;
  /** The packets of `bframesFlv`, as MP4. */
  readonly bframesMp4: string;
  /** 4 s, 1280x720, 25 fps, H.264 without B-frames, AAC as above. */
  readonly hdFlv: string;
  /** 6 s, 320x180, 8 to 25 fps in turns, H.264 without B-frames, AAC as above. */
  readonly irregularFlv: string;
}

/** Programs to publish with; null = not on this machine, tests that need it are skipped. Never null when CI=true. */
export interface Peers {
  /** An ffmpeg of 6.1 or newer: HEVC, AV1 and VP9 by enhanced RTMP. */
  readonly ffmpeg7: string | null;
  /** `gst-launch-1.0` with rtmp2sink, x264enc and voaacenc. */
  readonly gstLaunch: string | null;
  /** `gst-launch-1.0` with rtspclientsink, too. */
  readonly gstRtsp: string | null;
  /** Chromium, to publish with the Web SDK. */
  readonly chromium: string | null;
  /** A Python with GStreamer's webrtcbin, x264enc and vp8enc, to publish by WHIP. */
  readonly gstPython: string | null;
  /** Prometheus' promtool. */
  readonly promtool: string | null;
}

declare module 'vitest' {
  // Declaration merging is how vitest types `inject`.
  export interface ProvidedContext {
    /** Absolute path of the compiled server. */
    main: string;
    /** The ffmpeg that publishes and inspects: on PATH, else the one under vendor/. */
    ffmpeg: string;
    media: Media;
    peers: Peers;
  }
}

const ROOT = resolve(import.meta.dirname, '../..');
const PROMTOOLS = [join(ROOT, 'vendor/promtool/promtool'), 'promtool'];
const VENDORED = join(ROOT, 'vendor/ffmpeg/ffmpeg');

/** Everything the end-to-end tests share: the compiled server, source media, and the programs that publish. */
export function setup(project: TestProject): void {
  execFileSync('make', ['build'], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  const ffmpeg = findFfmpeg();
  project.provide('main', join(ROOT, 'dist/main.js'));
  project.provide('ffmpeg', ffmpeg);
  project.provide('media', makeMedia(ffmpeg));
  project.provide('peers', findPeers());
}

function findFfmpeg(): string {
  for (const candidate of ['ffmpeg', VENDORED]) {
    const listed = spawnSync(candidate, ['-hide_banner', '-encoders'], { encoding: 'utf8' });
    if (listed.status === 0 && listed.stdout.includes(' libx264 ')) return candidate;
  }
  throw new Error('no ffmpeg with libx264 to publish with: run `make setup`, or `make test`');
}

const COMMON = [
  ...['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-threads', '1', '-sc_threshold', '0'],
  ...['-g', '50', '-keyint_min', '50', '-c:a', 'aac', '-b:a', '128k', '-ac', '2'],
  ...['-fflags', '+bitexact', '-flags', '+bitexact', '-f', 'flv'],
];

function lavfi(size: string, seconds: number): string[] {
  const video = `testsrc2=size=${size}:rate=25:duration=${seconds}`;
  return ['-f', 'lavfi', '-i', video, '-f', 'lavfi', '-i', `sine=sample_rate=44100:duration=${seconds}`];
}

function makeMedia(ffmpeg: string): Media {
  const bframes = [...lavfi('640x360', 12), '-b:v', '700k', '-bf', '2', '-b_strategy', '0', ...COMMON];
  const bframesFlv = make(ffmpeg, 'bframes.flv', bframes);
  return {
    bframesFlv,
    bframesMp4: make(ffmpeg, 'bframes.mp4', ['-i', bframesFlv, '-c', 'copy', '-f', 'mp4']),
    irregularFlv: make(ffmpeg, 'irregular.flv', [
      ...lavfi('320x180', 6),
      ...['-vf', "select='not(mod(n,3))+not(mod(n,7))'", '-vsync', 'vfr'],
      ...['-b:v', '300k', '-bf', '0', ...COMMON],
    ]),
    hdFlv: make(ffmpeg, 'hd.flv', [...lavfi('1280x720', 4), '-b:v', '2M', '-bf', '0', ...COMMON]),
  };
}

/** Makes a file in the cache unless it is there. Its folder is named by the recipe: a changed recipe is a new file. */
function make(ffmpeg: string, name: string, args: readonly string[]): string {
  const recipe = createHash('sha256').update(args.join('\n')).digest('hex').slice(0, 12);
  const folder = join(ROOT, 'node_modules/.cache/recorderd-media', recipe);
  const path = join(folder, name);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const unfinished = join(folder, `.${process.pid}.${name}`);
  try {
    execFileSync(ffmpeg, ['-nostdin', '-v', 'error', '-y', ...args, unfinished], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    renameSync(unfinished, path);
  } finally {
    rmSync(unfinished, { force: true });
  }
  return path;
}

function findPeers(): Peers {
  const ffmpeg7 = process.env.RECORDERD_TEST_FFMPEG7 ?? VENDORED;
  const ELEMENTS = ['rtmp2sink', 'x264enc', 'flvmux', 'h264parse', 'voaacenc', 'aacparse'];
  const hasElement = (name: string): boolean => runs('gst-inspect-1.0', ['--exists', name]);
  const hasGst = runs('gst-launch-1.0', ['--version']) && ELEMENTS.every(hasElement);
  return {
    ffmpeg7: present(
      'an ffmpeg of 6.1 or newer (scripts/vendor-ffmpeg.sh)',
      ffmpeg7,
      runs(ffmpeg7, ['-version']),
    ),
    gstLaunch: present('GStreamer with rtmp2sink, x264enc and voaacenc', 'gst-launch-1.0', hasGst),
    gstRtsp: present(
      'GStreamer with rtspclientsink',
      'gst-launch-1.0',
      hasGst && hasElement('rtspclientsink'),
    ),
    promtool: findPromtool(),
    ...findWebRtcPeers(),
  };
}

function findPromtool(): string | null {
  const found = PROMTOOLS.find((each) => runs(each, ['--version']));
  return present('promtool (scripts/vendor-promtool.sh)', found ?? 'promtool', found !== undefined);
}

function findWebRtcPeers(): Pick<Peers, 'chromium' | 'gstPython'> {
  const chromium = process.env.RECORDERD_TEST_CHROMIUM ?? '/usr/bin/chromium';
  const python = '/usr/bin/python3';
  const hasWebrtcbin = runs(python, [join(ROOT, 'test/support/webrtc/whip_client.py'), '--check']);
  return {
    chromium: present('Chromium', chromium, existsSync(chromium)),
    gstPython: present('Python with GStreamer and its webrtcbin', python, hasWebrtcbin),
  };
}

function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function present(what: string, path: string, isPresent: boolean): string | null {
  if (isPresent) return path;
  if (process.env.CI === 'true') throw new Error(`CI must run every test, but ${what} is missing`);
  process.stdout.write(`e2e: ${what} is missing: tests that need it are skipped\n`);
  return null;
}
