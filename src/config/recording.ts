import { aacSampleRate, recordFormats, rotation } from './recordingTypes.ts';
import { flag, oneOf, orEmpty, path, setting, whole } from './settingTypes.ts';

/** What is recorded, where to and how. */
export const RECORDING = {
  record_streams: setting({
    type: flag,
    initial: 'true',
    doc: 'Master switch of automatic recording; a start by REST works either way.',
    apply: 'live',
    wcs: true,
  }),
  record_flash_published_streams: setting({
    type: flag,
    initial: 'false',
    doc: 'Records every stream that is published by RTMP, unless record_streams is false.',
    apply: 'live',
    wcs: true,
  }),
  record_dir: setting({
    type: path,
    initial: 'records',
    doc: 'Folder of the finished recordings; a relative one is under the home folder.',
    apply: 'restart',
    wcs: true,
  }),
  record_formats: setting({
    type: recordFormats,
    initial: 'h264-mp4,vp8-webm',
    doc: 'Container of each video codec; audio alone is always MP4 with AAC.',
    apply: 'live',
    wcs: true,
  }),
  record_h264_to_ts: setting({
    type: flag,
    initial: 'false',
    doc: 'Records H.264 to MPEG-TS, whatever record_formats says.',
    apply: 'live',
    wcs: true,
  }),
  record_webm_audio: setting({
    type: oneOf('vorbis', 'opus'),
    initial: 'vorbis',
    doc: 'Audio of WebM files whose stream sends Opus: transcoded to Vorbis as in WCS, or copied, which saves most of the CPU.',
    apply: 'live',
  }),
  record_rotation: setting({
    type: rotation,
    initial: '',
    doc: 'Length of a part in seconds (20) or megabytes (10M); parts are cut at key frames.',
    apply: 'live',
    wcs: true,
  }),
  record_batch_ms: setting({
    type: whole('milliseconds', 20, 5000),
    initial: '250',
    doc: 'Media is handed to FFmpeg in batches of this length at most, which saves most of its CPU.',
    apply: 'restart',
  }),
  record_fragment_ms: setting({
    type: whole('milliseconds', 100, 60_000),
    initial: '500',
    doc: 'Length of an MP4 fragment: a crash costs at most this much media and one batch.',
    apply: 'live',
  }),
  record_track_wait_ms: setting({
    type: whole('milliseconds', 0, 30_000),
    initial: '2000',
    doc: 'Time a recording waits for the missing one of audio and video before it begins with the other alone.',
    apply: 'live',
  }),
  record_buffer_max_bytes: setting({
    type: whole('bytes', 1_048_576, 1_073_741_824),
    initial: '16777216',
    doc: 'Media of one recording that may wait for a slow disk.',
    apply: 'live',
  }),
  gop_cache_max_bytes: setting({
    type: whole('bytes', 1_048_576, 1_073_741_824),
    initial: '16777216',
    doc: 'Media since the last key frame that each stream keeps for a recording started later.',
    apply: 'live',
  }),
  record_stop_timeout: setting({
    type: whole('seconds', 1, 600),
    initial: '10',
    doc: 'Time FFmpeg has to finish a file before it is killed.',
    apply: 'live',
  }),
  file_recorder_error_interval: setting({
    type: whole('minutes', 1, 1440),
    initial: '60',
    doc: 'Span in which the errors of a recording are counted.',
    apply: 'live',
    wcs: true,
  }),
  file_recorder_max_errors_per_interval: setting({
    type: whole('errors', 1, 1000),
    initial: '3',
    doc: 'Errors within file_recorder_error_interval after which a recording is given up.',
    apply: 'live',
    wcs: true,
  }),
  record_audio_codec_sample_rate: setting({
    type: aacSampleRate,
    initial: '44100',
    doc: 'Sampling rate in Hz of audio that has to be transcoded to AAC; AAC that arrives is copied as it is.',
    apply: 'live',
    wcs: true,
  }),
  record_audio_codec_bitrate: setting({
    type: whole('bits per second', 8000, 512_000),
    initial: '96000',
    doc: 'Bit rate of audio that has to be transcoded to AAC.',
    apply: 'live',
  }),
  ffmpeg_path: setting({
    type: orEmpty(path, 'takes one from PATH, then from vendor/'),
    initial: '',
    doc: 'FFmpeg program to use.',
    apply: 'restart',
  }),
} as const;
