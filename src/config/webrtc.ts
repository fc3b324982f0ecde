import { ipAddress, orEmpty, port, rtpActivity, setting, whole } from './settingTypes.ts';

/** WCS's range, of which a file may name one end alone. */
export const WCS_MEDIA_PORTS = { from: 31_001, to: 32_000 } as const;

/** Media by WebRTC: addresses and limits of the receiver. */
export const WEBRTC = {
  ip: setting({
    type: orEmpty(ipAddress, 'means the addresses of this machine'),
    initial: '',
    doc: 'Public address that WebRTC clients are told to send to, where it differs from that of the interface.',
    apply: 'restart',
    wcs: true,
  }),
  media_port: setting({
    type: port,
    initial: '31000',
    doc: 'UDP port that all WebRTC media comes in on; not used when media_port_from is set.',
    apply: 'restart',
  }),
  media_port_from: setting({
    type: port,
    initial: '',
    doc: 'First UDP port of a range from which each WebRTC publisher gets one of its own; 31001 when only media_port_to is set.',
    apply: 'restart',
    wcs: true,
  }),
  media_port_to: setting({
    type: port,
    initial: '',
    doc: 'Last UDP port of that range; 32000 when only media_port_from is set.',
    apply: 'restart',
    wcs: true,
  }),
  webrtc_publish_timeout: setting({
    type: whole('seconds', 5, 600),
    initial: '30',
    doc: 'Time a WebRTC publisher has from its offer to its first media; DTLS over a lossy line may need 20.',
    apply: 'restart',
  }),
  rtp_activity_detecting: setting({
    type: rtpActivity,
    initial: 'true,60',
    doc: 'Ends a WebRTC stream that has sent no media for this many seconds; false waits for ICE to notice.',
    apply: 'restart',
    wcs: true,
  }),
  webrtc_max_publishers: setting({
    type: whole('publishers', 1, 10_000),
    initial: '500',
    doc: 'WebRTC publishers at the same time.',
    apply: 'restart',
  }),
  webrtc_video_loss_wait_ms: setting({
    type: whole('milliseconds', 50, 10_000),
    initial: '1000',
    doc: 'Time a lost video packet may take to be sent again before its picture is given up.',
    apply: 'restart',
  }),
  webrtc_audio_loss_wait_ms: setting({
    type: whole('milliseconds', 20, 10_000),
    initial: '300',
    doc: 'Time a lost audio packet may take to be sent again before it is given up.',
    apply: 'restart',
  }),
  webrtc_key_frame_interval_ms: setting({
    type: whole('milliseconds', 0, 600_000),
    initial: '5000',
    doc: 'Time after which a WebRTC publisher is asked for a key frame, where parts are cut and recordings on demand begin; 0 asks only after losses.',
    apply: 'restart',
  }),
  webrtc_sync_wait_ms: setting({
    type: whole('milliseconds', 0, 10_000),
    initial: '3000',
    doc: 'Time the beginning of a stream waits for the sender reports that align audio with video.',
    apply: 'restart',
  }),
} as const;
