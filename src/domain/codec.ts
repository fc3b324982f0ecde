/** Codecs the server can receive. Names follow FFmpeg's, so that logs and FFmpeg's messages agree. */
export type VideoCodec = 'h264' | 'hevc' | 'vp8' | 'vp9' | 'av1';
export type AudioCodec = 'aac' | 'mp3' | 'speex' | 'pcma' | 'pcmu' | 'opus';
export type Codec = VideoCodec | AudioCodec;

/** WCS's spelling of a codec, as its REST objects and the name elements `{audioCodec}`/`{videoCodec}` show it. */
export const WCS_CODEC_NAMES: Readonly<Record<Codec, string>> = {
  h264: 'H264',
  hevc: 'H265',
  vp8: 'VP8',
  vp9: 'VP9',
  av1: 'AV1',
  aac: 'AAC',
  mp3: 'MP3',
  speex: 'SPEX',
  pcma: 'PCMA',
  pcmu: 'PCMU',
  opus: 'opus',
};
