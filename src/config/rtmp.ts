import { setting, whole } from './settingTypes.ts';

/** Limits of the RTMP room. A client that passes one is disconnected; nobody else notices. */
export const RTMP = {
  rtmp_publisher_timeout: setting({
    type: whole('seconds', 1, 3600),
    initial: '8',
    doc: 'Ends a stream whose publisher has sent no byte for this long: its file is finished within 10 seconds.',
    apply: 'restart',
  }),
  rtmp_handshake_timeout: setting({
    type: whole('seconds', 1, 300),
    initial: '5',
    doc: 'Time a new connection has to finish the RTMP handshake.',
    apply: 'restart',
  }),
  rtmp_publish_timeout: setting({
    type: whole('seconds', 1, 3600),
    initial: '15',
    doc: 'Time a connection has, after the handshake, to begin publishing.',
    apply: 'restart',
  }),
  rtmp_max_connections: setting({
    type: whole('connections', 1, 100_000),
    initial: '1000',
    doc: 'RTMP connections at the same time.',
    apply: 'restart',
  }),
  rtmp_max_connections_per_address: setting({
    type: whole('connections', 1, 100_000),
    initial: '200',
    doc: 'RTMP connections at the same time from one address.',
    apply: 'restart',
  }),
  rtmp_max_message_bytes: setting({
    type: whole('bytes', 65_536, 16_777_215),
    initial: '8388608',
    doc: 'Largest RTMP message, that is the largest coded picture.',
    apply: 'restart',
  }),
  rtmp_max_unfinished_bytes: setting({
    type: whole('bytes', 65_536, 1_073_741_824),
    initial: '16777216',
    doc: 'Bytes of begun but unfinished messages on all chunk streams of one connection.',
    apply: 'restart',
  }),
  rtmp_max_chunk_streams: setting({
    type: whole('chunk streams', 4, 1024),
    initial: '32',
    doc: 'Chunk streams one connection may use.',
    apply: 'restart',
  }),
  rtmp_max_command_bytes: setting({
    type: whole('bytes', 1024, 1_048_576),
    initial: '65536',
    doc: 'Largest RTMP command or metadata message.',
    apply: 'restart',
  }),
  rtmp_max_reply_backlog_bytes: setting({
    type: whole('bytes', 4096, 16_777_216),
    initial: '262144',
    doc: 'Replies that may wait for a client that does not read them.',
    apply: 'restart',
  }),
  rtmp_chunk_size: setting({
    type: whole('bytes', 128, 16_777_215),
    initial: '65536',
    doc: 'Chunk size of what the server sends.',
    apply: 'restart',
  }),
  rtmp_read_interval_ms: setting({
    type: whole('milliseconds', 0, 1000),
    initial: '300',
    doc: 'Pause between two reads of a publishing socket, which saves CPU; what was read goes to FFmpeg at once. For a second after a publisher has left, the others are read more often (as often as 1,000 reads a second allow). 0 reads without pause.',
    apply: 'restart',
  }),
} as const;
