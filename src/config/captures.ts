import { DECLARED_ALLOWED, parseDeclared } from '../domain/declaredCaptures.ts';
import { flag, oneOf, setting, whole } from './settingTypes.ts';

/** Sources that the server pulls: cameras and other RTMP servers. */
export const CAPTURES = {
  captures: setting({
    type: { allowed: DECLARED_ALLOWED, parse: parseDeclared },
    initial: '',
    doc: 'Sources that are pulled from the start on.',
    apply: 'live',
    secret: true,
  }),
  rtsp_interleaved_mode: setting({
    type: flag,
    initial: 'true',
    doc: 'Cameras send within the RTSP connection (TCP); false: in datagrams (UDP).',
    apply: 'restart',
    wcs: true,
  }),
  rtsp_reconnect: setting({
    type: flag,
    initial: 'true',
    doc: 'A source that is lost is tried again, and its stream goes on.',
    apply: 'restart',
  }),
  rtsp_activity_timer: setting({
    type: whole('seconds', 1, 86_400),
    initial: '60',
    doc: 'Ends a capture that a player began this long after the last player has gone.',
    apply: 'restart',
    wcs: true,
  }),
  record_reconnect: setting({
    type: oneOf('part', 'same'),
    initial: 'part',
    doc: 'Where a recording goes on after its source was lost: in a new part, or in the same file with a hole.',
    apply: 'live',
  }),
  capture_max: setting({
    type: whole('captures', 1, 10_000),
    initial: '200',
    doc: 'Sources that are pulled at the same time.',
    apply: 'restart',
  }),
  capture_connect_timeout: setting({
    type: whole('seconds', 1, 300),
    initial: '15',
    doc: 'Time a source has to send its first media.',
    apply: 'restart',
  }),
  capture_stall_timeout: setting({
    type: whole('seconds', 1, 3600),
    initial: '10',
    doc: 'A source that sends no media for this long counts as lost.',
    apply: 'restart',
  }),
  capture_batch_ms: setting({
    type: whole('milliseconds', 10, 5000),
    initial: '400',
    doc: 'Media of an RTSP source that FFmpeg gathers before it hands it over.',
    apply: 'restart',
  }),
  capture_max_frame_bytes: setting({
    type: whole('bytes', 65_536, 67_108_864),
    initial: '8388608',
    doc: 'Largest coded picture of a source.',
    apply: 'restart',
  }),
} as const;
