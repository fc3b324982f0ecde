import { createHash } from 'node:crypto';
import { RtmpClient } from './rtmpClient.ts';
import { flvTags } from './flvTags.ts';
import type { FlvTag } from './flvTags.ts';
import { command } from './rtmpBytes.ts';

/** Payloads of one publication, in the order of each track. */
export interface ShortSource {
  readonly tags: readonly FlvTag[];
  /** MD5 of each coded frame that is sent. */
  readonly video: readonly string[];
  readonly audio: readonly string[];
}

const md5 = (data: Buffer): string => createHash('md5').update(data).digest('hex');

function sourceOf(tags: readonly FlvTag[], headBytes: Readonly<Record<FlvTag['kind'], number>>): ShortSource {
  const payloads = (kind: FlvTag['kind']): string[] =>
    tags
      .filter((tag) => tag.kind === kind && !tag.isHeader)
      .map(({ body }) => md5(body.subarray(headBytes[kind])));
  return { tags, video: payloads('video'), audio: payloads('audio') };
}

/** The beginning of an FLV file with H.264 and AAC: `frames` pictures, and the sound up to the last of them. */
export function h264Source(flv: string, frames: number): ShortSource {
  const tags: FlvTag[] = [];
  let left = frames;
  for (const tag of flvTags(flv)) {
    if (tag.kind === 'video' && !tag.isHeader && left-- === 0) break;
    tags.push(tag);
  }
  return sourceOf(tags, { video: 5, audio: 2 });
}

/** VP8 by enhanced RTMP: `frames` frames 200 ms apart, one in ten a key frame, no two of them alike. */
export function vp8Source(frames: number): ShortSource {
  const tags = Array.from({ length: frames }, (_, i): FlvTag => {
    const isKey = i % 10 === 0;
    const head = Buffer.from([isKey ? 0x91 : 0xa1, ...Buffer.from('vp08')]);
    const frame = Buffer.alloc(400 + i, i);
    Buffer.from(isKey ? '1025009d012a40013000' : '110200', 'hex').copy(frame);
    return { kind: 'video', timeMs: i * 200, body: Buffer.concat([head, frame]), isHeader: false };
  });
  return sourceOf(tags, { video: 5, audio: 2 });
}

/** Publishes all of it as fast as it goes, says farewell and waits for the connection's end. */
export async function publishShort(port: number, name: string, { tags }: ShortSource): Promise<void> {
  const client = await RtmpClient.publishing(port, name);
  for (const { kind, timeMs, body } of tags) {
    if (kind === 'video') client.video(timeMs, body);
    else client.audio(timeMs, body);
  }
  client.send(command(0, 'FCUnpublish', 6, null, name), command(0, 'deleteStream', 7, null, 1));
  client.end();
  await client.closed();
}
