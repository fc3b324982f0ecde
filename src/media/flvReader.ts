import { ByteFeed } from './byteFeed.ts';
import { ContainerError } from './demuxed.ts';
import type { DemuxHandler, Demuxer } from './demuxed.ts';
import { FlvAudio } from './flvAudio.ts';
import { FlvVideo } from './flvVideo.ts';

const FILE_HEADER_BYTES = 9;
const TAG_HEADER_BYTES = 11;
const BACK_POINTER_BYTES = 4;
const AUDIO_TAG = 8;
const VIDEO_TAG = 9;
const AUDIO_FLAG = 4;
const VIDEO_FLAG = 1;

type State = 'file' | 'rest' | 'tag' | 'body' | 'pointer';

/**
 * Reads FLV (FLV 10.1, annex E, and the enhanced video tags) as it arrives: decode and presentation times exactly as
 * they were sent. Frames are views of the chunks where that is possible. Track 1 is video, track 2 audio.
 */
export class FlvReader implements Demuxer {
  readonly #handler: DemuxHandler;
  readonly #maxTagBytes: number;
  readonly #feed = new ByteFeed();
  readonly #video: FlvVideo;
  readonly #audio: FlvAudio;
  #state: State = 'file';
  #type = 0;
  #size = 0;
  #timeMs = 0;

  /** @param maxTagBytes bound of one tag, bytes. */
  constructor(handler: DemuxHandler, maxTagBytes: number) {
    this.#handler = handler;
    this.#maxTagBytes = maxTagBytes;
    this.#video = new FlvVideo(handler);
    this.#audio = new FlvAudio(handler);
  }

  write(chunk: Buffer): void {
    this.#feed.push(chunk);
    while (this.#step());
  }

  /** @returns false when more bytes are needed. */
  #step(): boolean {
    switch (this.#state) {
      case 'file':
        return this.#readFileHeader();
      case 'rest':
        this.#size -= this.#feed.skip(this.#size);
        if (this.#size > 0) return false;
        this.#state = 'pointer';
        return true;
      case 'pointer':
        if (this.#feed.take(BACK_POINTER_BYTES) === undefined) return false;
        this.#state = 'tag';
        return true;
      case 'tag':
        return this.#readTagHeader();
      case 'body':
        return this.#readBody();
    }
  }

  #readFileHeader(): boolean {
    const header = this.#feed.take(FILE_HEADER_BYTES);
    if (header === undefined) return false;
    const headerBytes = header.readUInt32BE(5);
    if (header.toString('latin1', 0, 3) !== 'FLV' || headerBytes < FILE_HEADER_BYTES || headerBytes > 1024) {
      throw new ContainerError('not FLV');
    }
    const flags = header.readUInt8(4);
    this.#handler.onKinds({ audio: (flags & AUDIO_FLAG) !== 0, video: (flags & VIDEO_FLAG) !== 0 });
    this.#size = headerBytes - FILE_HEADER_BYTES;
    this.#state = 'rest';
    return true;
  }

  #readTagHeader(): boolean {
    const header = this.#feed.take(TAG_HEADER_BYTES);
    if (header === undefined) return false;
    this.#type = header.readUInt8(0) & 0x1f;
    this.#size = header.readUIntBE(1, 3);
    // The upper byte of the time comes last (E.4.1); the whole is signed.
    this.#timeMs = header.readUIntBE(4, 3) | (header.readUInt8(7) << 24);
    if (this.#size > this.#maxTagBytes)
      throw new ContainerError(`FLV tag of ${this.#size} bytes is too large`);
    this.#state = 'body';
    return true;
  }

  #readBody(): boolean {
    const body = this.#feed.take(this.#size);
    if (body === undefined) return false;
    this.#state = 'pointer';
    if (this.#type === VIDEO_TAG) this.#video.receive(this.#timeMs * 1000, body);
    else if (this.#type === AUDIO_TAG) this.#audio.receive(this.#timeMs * 1000, body);
    return true;
  }
}
