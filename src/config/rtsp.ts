import { port, setting, whole } from './settingTypes.ts';

/** Publishing by RTSP: where, and the limits. A client that passes one is disconnected; nobody else notices. */
export const RTSP = {
  'rtsp.port': setting({
    type: port,
    initial: '8554',
    doc: 'Port that RTSP encoders publish to; 554, the port of RTSP, can only be opened by root.',
    apply: 'restart',
    wcs: true,
  }),
  'rtsps.port': setting({
    type: port,
    initial: '',
    doc: 'Port that encoders publish to by RTSP over TLS; needs tls_certificate.',
    apply: 'restart',
  }),
  rtsp_publisher_timeout: setting({
    type: whole('seconds', 1, 3600),
    initial: '8',
    doc: 'Ends an RTSP stream from which no media has come for this long.',
    apply: 'restart',
  }),
  rtsp_request_timeout: setting({
    type: whole('seconds', 1, 300),
    initial: '5',
    doc: 'Time a new connection has for its first request, and any request has from its first byte to its last.',
    apply: 'restart',
  }),
  rtsp_publish_timeout: setting({
    type: whole('seconds', 1, 3600),
    initial: '15',
    doc: 'Time an RTSP connection has to begin publishing.',
    apply: 'restart',
  }),
  rtsp_max_connections: setting({
    type: whole('connections', 1, 100_000),
    initial: '1000',
    doc: 'RTSP connections at the same time.',
    apply: 'restart',
  }),
  rtsp_max_connections_per_address: setting({
    type: whole('connections', 1, 100_000),
    initial: '200',
    doc: 'RTSP connections at the same time from one address.',
    apply: 'restart',
  }),
  rtsp_max_header_bytes: setting({
    type: whole('bytes', 1024, 1_048_576),
    initial: '16384',
    doc: 'Largest head of an RTSP request; a larger one is answered with 431.',
    apply: 'restart',
  }),
  rtsp_max_body_bytes: setting({
    type: whole('bytes', 1024, 1_048_576),
    initial: '65536',
    doc: 'Largest session description or other body of an RTSP request; a larger one is answered with 413.',
    apply: 'restart',
  }),
  rtsp_max_tracks: setting({
    type: whole('tracks', 1, 64),
    initial: '8',
    doc: 'Tracks one RTSP client may announce, of which one video and one audio track are recorded.',
    apply: 'restart',
  }),
  rtsp_max_frame_bytes: setting({
    type: whole('bytes', 65_536, 67_108_864),
    initial: '8388608',
    doc: 'Largest coded picture or audio frame of an RTSP stream; a larger one is left out.',
    apply: 'restart',
  }),
  rtsp_max_reply_backlog_bytes: setting({
    type: whole('bytes', 4096, 16_777_216),
    initial: '262144',
    doc: 'Replies and reports that may wait for an RTSP client that does not read them.',
    apply: 'restart',
  }),
  rtsp_udp_port_from: setting({
    type: port,
    initial: '',
    doc: 'First UDP port of a range for RTSP media, of which each track takes two; empty takes ports that the system has free.',
    apply: 'restart',
  }),
  rtsp_udp_port_to: setting({
    type: port,
    initial: '',
    doc: 'Last UDP port of that range; goes with rtsp_udp_port_from.',
    apply: 'restart',
  }),
  rtsp_udp_buffer_bytes: setting({
    type: whole('bytes', 65_536, 67_108_864),
    initial: '2097152',
    doc: 'Kernel buffer of each UDP port for RTSP media; the system gives net.core.rmem_max at most.',
    apply: 'restart',
  }),
  rtsp_loss_wait_ms: setting({
    type: whole('milliseconds', 0, 5000),
    initial: '200',
    doc: 'Time a missing UDP packet of an RTSP stream is waited for, in case it was overtaken, before it is given up.',
    apply: 'restart',
  }),
  rtsp_sync_wait_ms: setting({
    type: whole('milliseconds', 0, 10_000),
    initial: '3000',
    doc: 'Time the beginning of an RTSP stream waits for the sender reports that align audio with video.',
    apply: 'restart',
  }),
} as const;
