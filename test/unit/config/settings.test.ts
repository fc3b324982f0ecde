import { describe, expect, test } from 'vitest';
import { loadSettings } from '../../../src/config/load.ts';
import { envName } from '../../../src/config/offers.ts';
import type { SettingKey, Settings } from '../../../src/config/settings.ts';
import { SETTINGS, SETTING_GROUPS, SETTING_KEYS } from '../../../src/config/settings.ts';
import { UNUSED_WCS_KEYS } from '../../../src/config/unusedKeys.ts';
import { AddressList } from '../../../src/tcp/addressList.ts';
import { TEMPLATE_ELEMENTS } from '../../../src/domain/names.ts';

const parse = <K extends SettingKey>(key: K, text: string): Settings[K] =>
  SETTINGS[key].type.parse(text) as Settings[K];

const DEFAULTS: Settings = {
  ip_local: '',
  'http.port': 8081,
  'https.port': 8444,
  'http.legacy.port': undefined,
  'https.legacy.port': undefined,
  'rtmp.port': 1935,
  'rtmps.port': undefined,
  tls_certificate: '',
  tls_key: '',
  http_max_body_bytes: 65536,
  cors_origin: '*',
  rest_allow: new AddressList('loopback,private'),
  rest_users: [],
  rest_token: '',
  publish_secrets: [],
  max_streams: 2000,
  max_recordings: 1000,
  http_max_connections: 1024,
  http_max_connections_per_address: 256,
  rtmp_publisher_timeout: 8,
  rtmp_handshake_timeout: 5,
  rtmp_publish_timeout: 15,
  rtmp_max_connections: 1000,
  rtmp_max_connections_per_address: 200,
  rtmp_max_message_bytes: 8388608,
  rtmp_max_unfinished_bytes: 16777216,
  rtmp_max_chunk_streams: 32,
  rtmp_max_command_bytes: 65536,
  rtmp_max_reply_backlog_bytes: 262144,
  rtmp_chunk_size: 65536,
  rtmp_read_interval_ms: 300,
  'rtsp.port': 8554,
  'rtsps.port': undefined,
  rtsp_publisher_timeout: 8,
  rtsp_request_timeout: 5,
  rtsp_publish_timeout: 15,
  rtsp_max_connections: 1000,
  rtsp_max_connections_per_address: 200,
  rtsp_max_header_bytes: 16_384,
  rtsp_max_body_bytes: 65_536,
  rtsp_max_tracks: 8,
  rtsp_max_frame_bytes: 8_388_608,
  rtsp_max_reply_backlog_bytes: 262_144,
  rtsp_udp_port_from: undefined,
  rtsp_udp_port_to: undefined,
  rtsp_udp_buffer_bytes: 2_097_152,
  rtsp_loss_wait_ms: 200,
  rtsp_sync_wait_ms: 3000,
  'ws.port': 8080,
  'wss.port': 8443,
  ws_max_connections: 1000,
  ws_max_connections_per_address: 200,
  ws_max_message_bytes: 262144,
  ws_max_backlog_bytes: 4194304,
  ws_max_streams_per_session: 64,
  'keep_alive.algorithm': 'HIGH_LEVEL',
  'keep_alive.server_interval': 5000,
  'keep_alive.probes': 10,
  whip_token: '',
  ip: '',
  media_port: 31000,
  media_port_from: undefined,
  media_port_to: undefined,
  webrtc_publish_timeout: 30,
  rtp_activity_detecting: 60,
  webrtc_max_publishers: 500,
  webrtc_video_loss_wait_ms: 1000,
  webrtc_audio_loss_wait_ms: 300,
  webrtc_key_frame_interval_ms: 5000,
  webrtc_sync_wait_ms: 3000,
  record_streams: true,
  record_flash_published_streams: false,
  disk_warn_free: { percent: 5, bytes: 10_737_418_240 },
  disk_stop_free: { percent: 1, bytes: 268_435_456 },
  disk_check_interval: 5,
  captures: [],
  rtsp_interleaved_mode: true,
  rtsp_reconnect: true,
  rtsp_activity_timer: 60,
  record_reconnect: 'part',
  capture_max: 200,
  capture_connect_timeout: 15,
  capture_stall_timeout: 10,
  capture_batch_ms: 400,
  capture_max_frame_bytes: 8388608,
  record_rtsp_streams: false,
  record_dir: 'records',
  record_formats: { h264: 'mp4', vp8: 'webm' },
  record_h264_to_ts: false,
  record_webm_audio: 'vorbis',
  record_mp4_audio: 'aac',
  record_rotation: { kind: 'none' },
  record_reconnect_window: 0,
  record_reconnect_policy: 'part',
  record_batch_ms: 250,
  record_fragment_ms: 500,
  record_on_demand_fragment_ms: 200,
  record_sync_ms: 5000,
  mp4_faststart: false,
  record_track_wait_ms: 2000,
  record_buffer_max_bytes: 16777216,
  gop_cache_max_bytes: 16777216,
  timestamp_leap_forward_ms: 10_000,
  timestamp_leap_back_ms: 1000,
  record_stop_timeout: 10,
  file_recorder_error_interval: 60,
  file_recorder_max_errors_per_interval: 3,
  record_audio_codec_sample_rate: 44100,
  record_audio_codec_bitrate: 96000,
  record_audio_codec_effort: 'quality',
  ffmpeg_path: '',
  record_ffmpeg_path: '',
  stream_record_policy: 'template',
  stream_record_policy_template: 'stream-{mediaSessionId}-{login}',
  encode_record_name: undefined,
  exclude_record_name_characters: '/',
  on_record_hook_script: 'on_record_hook.sh',
  on_record_hook_timeout: 300,
  on_record_hook_parallel: 4,
  on_record_hook_retries: 3,
  on_record_hook_retry_exit_codes: [75],
  on_record_hook_retry_delay: 10,
  on_record_hook_retry_max: 600,
  on_record_hook_parked_max: 10_000,
  record_reports_keep: 10_000,
  record_report_sha256: true,
  record_report_file: false,
  catalogue_max_files: 100_000,
  catalogue_check_interval: 60,
  catalogue_export_parallel: 1,
  catalogue_export_timeout: 3600,
  catalogue_pictures_max: 10_000,
  catalogue_picture_timeout: 30,
  retention_age: [],
  retention_size: [],
  retention_free: {},
  retention_keep: [],
  retention_unfinished_hooks: false,
  retention_interval: 300,
  retention_dry_run: false,
  status_list_max: 200,
  events_max_listeners: 16,
  shutdown_timeout: 30,
  log_level: 'info',
  ingest_workers: 'auto',
  log_format: 'auto',
};

describe('the table', () => {
  test('the defaults are those of the documentation', () => {
    const defaults = Object.fromEntries(SETTING_KEYS.map((key) => [key, parse(key, SETTINGS[key].initial)]));
    expect(defaults).toEqual(DEFAULTS);
    expect(Object.keys(defaults).sort()).toEqual(Object.keys(DEFAULTS).sort());
  });

  test('every key of WCS for recording by RTMP, RTSP and WebRTC is in it, and marked as such', () => {
    const documented = [
      'record_streams',
      'record_flash_published_streams',
      'record_rtsp_streams',
      'rtsp_interleaved_mode',
      'rtsp_activity_timer',
      'record_dir',
      'record_formats',
      'record_h264_to_ts',
      'record_rotation',
      'record_audio_codec_sample_rate',
      'file_recorder_error_interval',
      'file_recorder_max_errors_per_interval',
      'stream_record_policy',
      'stream_record_policy_template',
      'encode_record_name',
      'exclude_record_name_characters',
      'on_record_hook_script',
      'ip_local',
      'http.port',
      'https.port',
      'rtmp.port',
      'ws.port',
      'wss.port',
      'keep_alive.algorithm',
      'keep_alive.server_interval',
      'keep_alive.probes',
      'ip',
      'media_port_from',
      'media_port_to',
      'rtp_activity_detecting',
      'rtsp.port',
    ];
    expect(SETTING_KEYS.filter((key) => SETTINGS[key].wcs === true).sort()).toEqual(documented.sort());
  });

  test('groups hold every key once', () => {
    expect(SETTING_GROUPS.flatMap(({ settings }) => Object.keys(settings))).toEqual([...SETTING_KEYS]);
  });

  test('every entry has one doc sentence and says what is allowed', () => {
    for (const key of SETTING_KEYS) {
      expect(SETTINGS[key].doc, key).toMatch(/^[A-Z][^\n]*\.$/);
      expect(SETTINGS[key].type.allowed, key).not.toBe('');
    }
  });

  test('no two keys share an environment variable, and no used key is called unused', () => {
    const names = [...SETTING_KEYS, ...UNUSED_WCS_KEYS].map(envName);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('numbers and ports', () => {
  test.each([
    ['http.port', '0', 0],
    ['http.port', ' 65535 ', 65535],
    ['http.port', '', undefined],
    ['rtmp_publisher_timeout', '1', 1],
    ['rtmp_publisher_timeout', '3600', 3600],
  ] as const)('%s takes %j', (key, text, value) => {
    expect(parse(key, text)).toBe(value);
  });

  test.each(['65536', '-1', '1e3', '0x50', '80.0', '80 81', 'eighty', '٨٠', '123456789'])(
    'a port is not %j',
    (text) => {
      const message = `"${text}" is not allowed; it must be a port from 0 to 65535, where 0 takes any free one`;
      expect(() => parse('http.port', text)).toThrow(new RangeError(message));
    },
  );

  test.each(['', '0', '3601', '1.5', '+5', '10s', '9'.repeat(400)])('a timeout is not %j', (text) => {
    expect(() => parse('rtmp_publisher_timeout', text)).toThrow(
      /is not allowed; it must be a whole number of seconds from 1 to 3600$/,
    );
  });
});

describe('words', () => {
  test.each(['true', 'TRUE', ' True '])('%j switches on', (text) => {
    expect(parse('record_streams', text)).toBe(true);
  });

  test.each(['', 'yes', '1', 'truee'])('a switch is not %j', (text) => {
    expect(() => parse('record_streams', text)).toThrow(`"${text}" is not allowed; it must be true or false`);
  });

  test('closed lists take any case and answer their own spelling', () => {
    expect(parse('stream_record_policy', 'STREAMNAME')).toBe('streamName');
    expect(() => parse('log_level', 'verbose')).toThrow('it must be one of debug, info, warn, error');
  });

  test.each([
    ['ip_local', '127.0.0.1', '127.0.0.1'],
    ['ip_local', '::1', '::1'],
    ['cors_origin', 'https://example.org:8443', 'https://example.org:8443'],
    ['cors_origin', '', ''],
    ['tls_key', ' a b/key.pem ', 'a b/key.pem'],
    ['record_audio_codec_sample_rate', '48000', 48000],
  ] as const)('%s takes %j', (key, text, value) => {
    expect(parse(key, text)).toBe(value);
  });

  test.each([
    ['ip_local', 'localhost'],
    ['ip_local', '127.0.0.256'],
    ['cors_origin', 'https://example.org/path'],
    ['cors_origin', 'example.org'],
    ['record_dir', ''],
    ['record_dir', 'a\0b'],
    ['record_audio_codec_sample_rate', '44000'],
  ] as const)('%s does not take %j', (key, text) => {
    expect(() => parse(key, text)).toThrow(RangeError);
  });
});

describe('record_formats', () => {
  test('names the container of each codec', () => {
    const formats = parse('record_formats', ' H264-mkv, hevc-ts ,vp8-mkv,vp9-webm,av1-mp4');
    expect(formats).toEqual({ h264: 'mkv', hevc: 'ts', vp8: 'mkv', vp9: 'webm', av1: 'mp4' });
  });

  test.each([
    ['hevc-webm', 'webm cannot hold hevc, only h264, vp8, vp9, av1'],
    ['vp8-mp4', 'mp4 cannot hold vp8, only h264, hevc, vp9, av1'],
    ['av1-ts', 'ts cannot hold av1, only h264, hevc'],
    ['h264-mp4,h264-mkv', 'h264 has two containers; name one'],
    ['h264-flv', '"h264-flv" is not a format'],
    ['opus-mkv', '"opus-mkv" is not a format'],
    ['h264', '"h264" is not a format'],
    ['h264-toString', '"h264-tostring" is not a format'],
    ['h264-mp4,', '"" is not a format'],
    ['', '"" is not a format'],
  ])('refuses %j', (text, message) => {
    expect(() => parse('record_formats', text)).toThrow(message);
  });
});

describe('names', () => {
  test('a template may hold every element', () => {
    const template = TEMPLATE_ELEMENTS.map((element) => `{${element}}`).join('-');
    expect(parse('stream_record_policy_template', template)).toBe(template);
  });

  test.each([
    ['{streamname}', 'unknown element "{streamname}"; did you mean {streamName}?'],
    ['x-{mediaSesionId}', 'unknown element "{mediaSesionId}"; did you mean {mediaSessionId}?'],
    ['{}', 'unknown element "{}"; known are {streamName} {duration}'],
    ['{foobarbaz}', 'unknown element "{foobarbaz}"; known are'],
    ['', 'a template has 1 to 1000 characters'],
    ['a\nb', 'no control characters'],
  ])('the template %j is refused', (text, message) => {
    expect(() => parse('stream_record_policy_template', text)).toThrow(message);
  });

  test('encoding is off, HEX or BASE64', () => {
    expect(parse('encode_record_name', 'false')).toBeUndefined();
    expect(parse('encode_record_name', 'false,HEX')).toBeUndefined();
    expect(parse('encode_record_name', 'true,HEX')).toBe('HEX');
    expect(parse('encode_record_name', 'TRUE, base64')).toBe('BASE64');
    expect(() => parse('encode_record_name', 'true')).toThrow('false, true,HEX or true,BASE64');
  });

  test('excluded characters keep their blanks', () => {
    expect(parse('exclude_record_name_characters', ':., /')).toBe(':., /');
    expect(parse('exclude_record_name_characters', '')).toBe('');
  });
});

test('one end of the media ports is enough, but they must not be reversed', () => {
  const check = (text: string): string[] => {
    const result = loadSettings({ file: { path: 'x', text }, env: {}, set: [] });
    return result.ok ? [] : [...result.problems];
  };
  expect(check('media_port_from=31001')).toEqual([]);
  expect(check('media_port_to=31100')).toEqual([]);
  expect(check('media_port_from=40000')).toHaveLength(1);
  expect(check('media_port_from=5\nmedia_port_to=4')).toHaveLength(1);
});
