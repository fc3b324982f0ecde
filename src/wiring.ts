import { join } from 'node:path';
import type { Settings } from './config/settings.ts';
import { WCS_MEDIA_PORTS } from './config/webrtc.ts';
import type { NameSettings } from './domain/names.ts';
import type { HookOptions } from './hooks/recordHooks.ts';
import type { HttpAccess } from './http/app.ts';
import { DEFAULT_HTTP_LIMITS } from './http/server.ts';
import type { HttpLimits } from './http/server.ts';
import type { PullOptions } from './ingest/pull/settings.ts';
import type { RtmpOptions } from './ingest/rtmp/server.ts';
import type { RtspOptions } from './ingest/rtsp/server.ts';
import type { WebRtcOptions } from './ingest/webrtc/server.ts';
import type { Ffmpeg } from './process/ffmpeg.ts';
import type { DiskSpaceOptions } from './recorder/diskSpace.ts';
import type { RecorderSettings } from './recorder/settings.ts';
import type { SnapshotOptions } from './recorder/snapshot.ts';
import type { LeapBounds } from './streams/timeline.ts';
import { SIGNALLING_DEFAULTS } from './signalling/server.ts';
import type { SignallingOptions } from './signalling/server.ts';
import type { ReportOptions } from './reports/integrityReports.ts';
import type { AutomaticRecording } from './streams/automaticRecording.ts';
import type { StreamLimits } from './streams/streams.ts';

/** The settings as each room wants them: milliseconds, bytes, absolute paths. */

export function nameSettings(settings: Settings): NameSettings {
  return {
    policy: settings.stream_record_policy,
    template: settings.stream_record_policy_template,
    encode: settings.encode_record_name,
    excludeCharacters: settings.exclude_record_name_characters,
  };
}

export function recorderSettings(settings: Settings, recordsDir: string, ffmpeg: Ffmpeg): RecorderSettings {
  return {
    ffmpegPath: ffmpeg.path,
    ffmpegVersion: ffmpeg.version,
    canSetTimestamps: ffmpeg.canSetTimestamps,
    recordsDir,
    names: nameSettings(settings),
    formats: {
      containers: settings.record_formats,
      h264ToTs: settings.record_h264_to_ts,
      webmAudio: settings.record_webm_audio,
      mp4Audio: settings.record_mp4_audio,
    },
    rotation: settings.record_rotation,
    reconnect: {
      windowMs: settings.record_reconnect_window * 1000,
      policy: settings.record_reconnect_policy,
    },
    batchMs: settings.record_batch_ms,
    fragmentMs: settings.record_fragment_ms,
    onDemandFragmentMs: settings.record_on_demand_fragment_ms,
    syncMs: settings.record_sync_ms,
    faststart: settings.mp4_faststart,
    trackWaitMs: settings.record_track_wait_ms,
    bufferMaxBytes: settings.record_buffer_max_bytes,
    stopTimeoutMs: settings.record_stop_timeout * 1000,
    audioSampleRate: settings.record_audio_codec_sample_rate,
    audioBitrate: settings.record_audio_codec_bitrate,
    audioEffort: settings.record_audio_codec_effort,
    maxRecordings: settings.max_recordings,
    maxErrors: settings.file_recorder_max_errors_per_interval,
    errorIntervalMs: settings.file_recorder_error_interval * 60_000,
  };
}

export function diskOptions(settings: Settings, recordsDir: string): DiskSpaceOptions {
  return {
    recordsDir,
    warnFree: settings.disk_warn_free,
    stopFree: settings.disk_stop_free,
    checkMs: settings.disk_check_interval * 1000,
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
    leapBounds: leapBounds(settings),
  };
}

export function pullOptions(settings: Settings, { path, version }: Ffmpeg): PullOptions {
  return {
    ffmpegPath: path,
    ffmpegVersion: version,
    rtspTransport: settings.rtsp_interleaved_mode ? 'tcp' : 'udp',
    answerTimeoutMs: 5000,
    analyzeMs: 5000,
    batchMs: settings.capture_batch_ms,
    maxCaptures: settings.capture_max,
    maxFrameBytes: settings.capture_max_frame_bytes,
    connectTimeoutMs: settings.capture_connect_timeout * 1000,
    stallTimeoutMs: settings.capture_stall_timeout * 1000,
    reconnect: settings.rtsp_reconnect,
    firstRetryMs: 500,
    maxRetryMs: 30_000,
    probeMs: 1000,
    playerIdleMs: settings.rtsp_activity_timer * 1000,
    failedKeepMs: 60_000,
    stopGraceMs: 2000,
    leapBounds: leapBounds(settings),
  };
}

function leapBounds(settings: Settings): LeapBounds {
  return { forwardMs: settings.timestamp_leap_forward_ms, backMs: settings.timestamp_leap_back_ms };
}

export function rtspOptions(settings: Settings): RtspOptions {
  const { rtsp_udp_port_from: from, rtsp_udp_port_to: to } = settings;
  return {
    ...(from === undefined || to === undefined ? {} : { portRange: { from, to } }),
    publisherTimeoutMs: settings.rtsp_publisher_timeout * 1000,
    requestTimeoutMs: settings.rtsp_request_timeout * 1000,
    publishTimeoutMs: settings.rtsp_publish_timeout * 1000,
    maxConnections: settings.rtsp_max_connections,
    maxConnectionsPerAddress: settings.rtsp_max_connections_per_address,
    maxHeaderBytes: settings.rtsp_max_header_bytes,
    maxBodyBytes: settings.rtsp_max_body_bytes,
    maxTracks: settings.rtsp_max_tracks,
    maxFrameBytes: settings.rtsp_max_frame_bytes,
    maxReplyBacklogBytes: settings.rtsp_max_reply_backlog_bytes,
    receiveBufferBytes: settings.rtsp_udp_buffer_bytes,
    lossWaitMs: settings.rtsp_loss_wait_ms,
    syncWaitMs: settings.rtsp_sync_wait_ms,
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
    retries: settings.on_record_hook_retries,
    retryExitCodes: settings.on_record_hook_retry_exit_codes,
    retryDelayMs: settings.on_record_hook_retry_delay * 1000,
    retryMaxMs: settings.on_record_hook_retry_max * 1000,
    parkedMax: settings.on_record_hook_parked_max,
    env: place.env,
  };
}

export function reportOptions(settings: Settings, recordsDir: string): ReportOptions {
  return {
    recordsDir,
    keep: settings.record_reports_keep,
    sha256: settings.record_report_sha256,
    besideFile: settings.record_report_file,
  };
}

/** Time between SIGTERM and SIGKILL for a hook that is ended: a part of the shutdown's own time, at most 5 s. */
export function hookKillGraceMs(settings: Settings): number {
  return Math.min(5000, settings.shutdown_timeout * 250);
}

/** Undefined when the settings name no media port: then there is no WebRTC, and no Web SDK or WHIP either. */
export function webRtcOptions(settings: Settings): WebRtcOptions | undefined {
  const { media_port: port, media_port_from: from, media_port_to: to, ip, ip_local: bindAddress } = settings;
  const hasRange = from !== undefined || to !== undefined;
  const portRange = hasRange
    ? { from: from ?? WCS_MEDIA_PORTS.from, to: to ?? WCS_MEDIA_PORTS.to }
    : undefined;
  if (port === undefined && portRange === undefined) return undefined;
  const idleSeconds = settings.rtp_activity_detecting;
  return {
    ...(portRange === undefined ? { port: port ?? 0 } : { portRange }),
    ...(bindAddress === '' ? {} : { bindAddress }),
    ...(ip === '' ? {} : { publicAddress: ip }),
    ...(idleSeconds === undefined ? {} : { idleTimeoutMs: idleSeconds * 1000 }),
    publishTimeoutMs: settings.webrtc_publish_timeout * 1000,
    maxPublishers: settings.webrtc_max_publishers,
    videoLossWaitMs: settings.webrtc_video_loss_wait_ms,
    audioLossWaitMs: settings.webrtc_audio_loss_wait_ms,
    keyFrameIntervalMs: settings.webrtc_key_frame_interval_ms,
    syncWaitMs: settings.webrtc_sync_wait_ms,
  };
}

export function signallingOptions(settings: Settings): SignallingOptions {
  return {
    ...SIGNALLING_DEFAULTS,
    maxConnections: settings.ws_max_connections,
    maxConnectionsPerAddress: settings.ws_max_connections_per_address,
    maxMessageBytes: settings.ws_max_message_bytes,
    maxBacklogBytes: settings.ws_max_backlog_bytes,
    maxStreamsPerSession: settings.ws_max_streams_per_session,
    // A file may take its whole time to be finished, and a little to be named.
    finalTimeoutMs: Math.max(SIGNALLING_DEFAULTS.finalTimeoutMs, settings.record_stop_timeout * 2000),
    keepAlive: {
      algorithm: settings['keep_alive.algorithm'],
      intervalMs: settings['keep_alive.server_interval'],
      probes: settings['keep_alive.probes'],
    },
  };
}

export function httpAccess(settings: Settings): HttpAccess {
  return {
    corsOrigin: settings.cors_origin,
    whipToken: settings.whip_token,
    rest: { allow: settings.rest_allow, users: settings.rest_users, token: settings.rest_token },
  };
}

export function streamLimits(settings: Settings): StreamLimits {
  return { gopCacheMaxBytes: settings.gop_cache_max_bytes, maxStreams: settings.max_streams };
}

export function httpLimits(settings: Settings): HttpLimits {
  return {
    ...DEFAULT_HTTP_LIMITS,
    maxConnections: settings.http_max_connections,
    maxConnectionsPerAddress: settings.http_max_connections_per_address,
  };
}

/** Bounds that leave room for a 4K picture and keep snapshots from taking a small machine. */
export function snapshotOptions({ path }: Ffmpeg): SnapshotOptions {
  return {
    ffmpegPath: path,
    timeoutMs: 10_000,
    maxBytes: 67_108_864,
    maxPixels: 33_554_432,
    parallel: 2,
    maxWaiting: 32,
  };
}

export function automaticRecording(settings: Settings): AutomaticRecording {
  const { record_streams: all, record_flash_published_streams: rtmp, record_rtsp_streams: rtsp } = settings;
  return { all, rtmp, rtsp };
}
