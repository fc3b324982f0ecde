import type { SourceUri } from '../../domain/sourceUri.ts';

export interface SourcePlanOptions {
  /** How RTP comes: within the RTSP connection, or in datagrams of its own. */
  readonly rtspTransport: 'tcp' | 'udp';
  /** Longest wait of FFmpeg for an answer of an RTSP server; for RTMP it has no limit of its own. */
  readonly answerTimeoutMs: number;
  /** How long FFmpeg may look for parameters that the session description lacks, e.g. those of a silent track. */
  readonly analyzeMs: number;
  /** Media that FFmpeg gathers before it hands it over. */
  readonly batchMs: number;
}

/** A child that reads one source: its arguments, which everybody may read, and its input, which nobody else can. */
export interface SourcePlan {
  readonly args: readonly string[];
  readonly input: string;
}

/** Matroska counts milliseconds: with times a hundred times as large, its ticks are 10 µs of the source's time. */
export const TIME_SCALE = 100;
/** Added to the source's times, so that 0 is free to mark a frame whose time is not known. */
const OFFSET_SECONDS = 10;
/** Packets go out as they come: the muxer does not wait for a track that is behind, nor keep others for it. */
const AS_THEY_COME = ['-max_interleave_delta', '1'];

const COMMON = ['-nostdin', '-hide_banner', '-nostats', '-loglevel', 'level+warning'];
/** FFmpeg may open nothing but these, whatever a peer answers or a URI says. */
const ALLOWED = {
  rtsp: ['-protocol_whitelist', 'pipe,rtp,tcp,udp,tls', '-format_whitelist', 'concat,rtsp'],
  rtmp: ['-protocol_whitelist', 'pipe,rtmp,rtmps,tcp,tls', '-format_whitelist', 'concat,flv,live_flv'],
} as const;
const TRACKS = ['-map', '0:v:0?', '-map', '0:a:0?', '-c', 'copy'];

/**
 * RTP has no decode times, and FFmpeg's guesses at them would replace presentation times, above all when those jump
 * back: it gets a count instead, which rises and is far below any of them. A first frame without any time gets 0. In no
 * unit of time, because FFmpeg's versions differ in the one that counts here.
 */
const RTSP_TIMES = 'setts=pts=if(eq(PTS\\,NOPTS)\\,0\\,PTS):dts=N-1000000000';

/**
 * How FFmpeg is asked to read `uri` and to copy it to stdout: RTSP as Matroska with times scaled by
 * {@link TIME_SCALE}, RTMP as FLV, whose decode times are exact.
 */
export function sourcePlan(uri: SourceUri, options: SourcePlanOptions): SourcePlan {
  const input = ['-fpsprobesize', '0', '-f', 'concat', '-auto_convert', '0', '-safe', '0', '-i', 'pipe:0'];
  const head = [...COMMON, ...ALLOWED[uri.protocol], '-copyts'];
  const args = uri.protocol === 'rtsp' ? [...head, ...rtspArgs(input, options)] : [...head, ...input, ...FLV];
  return { args: [...args, 'pipe:1'], input: inputList(uri, options) };
}

const FLV = [...TRACKS, ...AS_THEY_COME, '-f', 'flv', '-flvflags', 'no_duration_filesize+no_sequence_end'];

function rtspArgs(input: readonly string[], { batchMs }: SourcePlanOptions): string[] {
  const scale = ['-itsoffset', String(OFFSET_SECONDS), '-itsscale', String(TIME_SCALE)];
  const times = ['-bsf', RTSP_TIMES, ...AS_THEY_COME];
  const clusters = ['-cluster_time_limit', String(batchMs * TIME_SCALE), '-cluster_size_limit', '4000000'];
  return [
    ...scale,
    ...input,
    ...TRACKS,
    ...times,
    '-avoid_negative_ts',
    'disabled',
    '-f',
    'matroska',
    ...clusters,
  ];
}

/** The list that FFmpeg's concat reader takes on stdin: the only place where user and password stand. */
function inputList(uri: SourceUri, options: SourcePlanOptions): string {
  const rtsp = [`rtsp_transport ${options.rtspTransport}`, `timeout ${options.answerTimeoutMs * 1000}`];
  const lines = [
    'ffconcat version 1.0',
    `file '${uri.secret.replaceAll("'", String.raw`'\''`)}'`,
    ...(uri.protocol === 'rtsp' ? rtsp : []).map((option) => `option ${option}`),
    'option fpsprobesize 0',
    `option analyzeduration ${options.analyzeMs * 1000}`,
  ];
  return `${lines.join('\n')}\n`;
}
