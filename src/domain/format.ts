import type { AudioCodec, VideoCodec } from './codec.ts';
import type { Track } from './media.ts';

export type Container = 'mp4' | 'webm' | 'mkv' | 'ts';

/** What the child does with the audio: `copy` keeps every frame bit for bit. */
export type AudioHandling = 'copy' | 'aac' | 'vorbis';

/** Settings `record_formats`, `record_h264_to_ts`, `record_webm_audio` and `record_mp4_audio`. */
export interface FormatSettings {
  readonly containers: Readonly<Partial<Record<VideoCodec, Container>>>;
  readonly h264ToTs: boolean;
  /** What Opus becomes in WebM: `opus` keeps it. */
  readonly webmAudio: 'vorbis' | 'opus';
  /** What Opus becomes in MP4: `opus` keeps it. */
  readonly mp4Audio: 'aac' | 'opus';
}

export interface RecordFormat {
  readonly container: Container;
  readonly audio: AudioHandling;
}

/** Audio that each container holds as it is; anything else is transcoded for it. */
const COPIED_AUDIO: Readonly<Record<Container, readonly AudioCodec[]>> = {
  // Opus as `record_mp4_audio` says.
  mp4: ['aac', 'mp3'],
  // Beside VP8 and H.264, whose WebM files WCS records with Vorbis, `record_webm_audio` decides.
  webm: ['opus'],
  mkv: ['aac', 'mp3', 'opus', 'speex', 'pcma', 'pcmu'],
  ts: ['aac', 'mp3'],
};

/**
 * Chooses the container and the audio handling for a set of tracks. Video is never transcoded. Audio alone always
 * becomes MP4, with AAC as in WCS unless Opus is kept; `record_h264_to_ts` has priority over `record_formats`.
 */
export function chooseFormat(tracks: readonly Track[], settings: FormatSettings): RecordFormat {
  const video = tracks.find((track) => track.kind === 'video');
  const audio = tracks.find((track) => track.kind === 'audio');
  if (video === undefined) {
    const isKept = audio?.codec === 'aac' || (audio?.codec === 'opus' && settings.mp4Audio === 'opus');
    return { container: 'mp4', audio: isKept ? 'copy' : 'aac' };
  }
  const container = containerOf(video.codec, audio?.codec, settings);
  if (audio === undefined) return { container, audio: 'copy' };
  if (isCopied({ video: video.codec, audio: audio.codec }, container, settings))
    return { container, audio: 'copy' };
  return { container, audio: container === 'webm' ? 'vorbis' : 'aac' };
}

function isCopied(
  { video, audio }: { readonly video: VideoCodec; readonly audio: AudioCodec },
  container: Container,
  { webmAudio, mp4Audio }: FormatSettings,
): boolean {
  if (container === 'mp4' && audio === 'opus') return mp4Audio === 'opus';
  const isVorbisOfWcs =
    container === 'webm' && webmAudio === 'vorbis' && (video === 'vp8' || video === 'h264');
  return !isVorbisOfWcs && COPIED_AUDIO[container].includes(audio);
}

function containerOf(video: VideoCodec, audio: AudioCodec | undefined, settings: FormatSettings): Container {
  if (video === 'h264' && settings.h264ToTs) return 'ts';
  const configured = settings.containers[video];
  if (configured !== undefined) return configured;
  if (video === 'h264' || video === 'hevc') return 'mp4';
  if (video === 'vp8') return 'webm';
  // VP9 and AV1 stand in both: take the one that holds the audio without transcoding.
  return audio === undefined || COPIED_AUDIO.webm.includes(audio) ? 'webm' : 'mp4';
}
