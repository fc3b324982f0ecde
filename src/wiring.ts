import { join } from 'node:path';
import type { Settings } from './config/settings.ts';
import type { HookOptions } from './hooks/recordHooks.ts';
import type { RtmpOptions } from './ingest/rtmp/server.ts';
import type { RecorderSettings } from './recorder/settings.ts';

/** The settings as each room wants them: milliseconds, bytes, absolute paths. */

export function recorderSettings(
  settings: Settings,
  recordsDir: string,
  ffmpegPath: string,
): RecorderSettings {
  return {
    ffmpegPath,
    recordsDir,
    names: {
      policy: settings.stream_record_policy,
      template: settings.stream_record_policy_template,
      encode: settings.encode_record_name,
      excludeCharacters: settings.exclude_record_name_characters,
    },
    formats: {
      containers: settings.record_formats,
      h264ToTs: settings.record_h264_to_ts,
      webmAudio: settings.record_webm_audio,
    },
    rotation: settings.record_rotation,
    batchMs: settings.record_batch_ms,
    fragmentMs: settings.record_fragment_ms,
    trackWaitMs: settings.record_track_wait_ms,
    bufferMaxBytes: settings.record_buffer_max_bytes,
    stopTimeoutMs: settings.record_stop_timeout * 1000,
    audioSampleRate: settings.record_audio_codec_sample_rate,
    audioBitrate: settings.record_audio_codec_bitrate,
    maxErrors: settings.file_recorder_max_errors_per_interval,
    errorIntervalMs: settings.file_recorder_error_interval * 60_000,
  };
}

export function rtmpOptions(settings: Settings): RtmpOptions {
  return {
    publisherTimeoutMs: settings.rtmp_publisher_timeout * 1000,
    handshakeTimeoutMs: settings.rtmp_handshake_timeout * 1000,
    publishTimeoutMs: settings.rtmp_publish_timeout * 1000,
    maxConnections: settings.rtmp_max_connections,
    maxConnectionsPerAddress: settings.rtmp_max_connections_per_address,
    maxMessageBytes: settings.rtmp_max_message_bytes,
    maxUnfinishedBytes: settings.rtmp_max_unfinished_bytes,
    maxChunkStreams: settings.rtmp_max_chunk_streams,
    maxCommandBytes: settings.rtmp_max_command_bytes,
    maxReplyBacklogBytes: settings.rtmp_max_reply_backlog_bytes,
    chunkSize: settings.rtmp_chunk_size,
    readIntervalMs: settings.rtmp_read_interval_ms,
  };
}

export function hookOptions(
  settings: Settings,
  place: { readonly home: string; readonly env: Readonly<Record<string, string | undefined>> },
  recordsDir: string,
): HookOptions {
  return {
    script: settings.on_record_hook_script,
    homeDir: place.home,
    spoolDir: join(recordsDir, '.work', 'hooks'),
    timeoutMs: settings.on_record_hook_timeout * 1000,
    killGraceMs: hookKillGraceMs(settings),
    parallel: settings.on_record_hook_parallel,
    env: place.env,
  };
}

/** Time between SIGTERM and SIGKILL for a hook that is ended: a part of the shutdown's own time, at most 5 s. */
export function hookKillGraceMs(settings: Settings): number {
  return Math.min(5000, settings.shutdown_timeout * 250);
}
