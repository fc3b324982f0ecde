import { oneOf, orEmpty, port, setting, text, whole } from './settingTypes.ts';

/** Web SDK signalling and WHIP: how WebRTC clients ask to publish. */
export const SIGNALLING = {
  'ws.port': setting({
    type: port,
    initial: '8080',
    doc: 'Port of the Web SDK by ws.',
    apply: 'restart',
    wcs: true,
  }),
  'wss.port': setting({
    type: port,
    initial: '8443',
    doc: 'Port of the Web SDK by wss; opened only when tls_certificate is set.',
    apply: 'restart',
    wcs: true,
  }),
  ws_max_connections: setting({
    type: whole('connections', 1, 100_000),
    initial: '1000',
    doc: 'Web SDK connections at the same time.',
    apply: 'restart',
  }),
  ws_max_connections_per_address: setting({
    type: whole('connections', 1, 100_000),
    initial: '200',
    doc: 'Web SDK connections at the same time from one address.',
    apply: 'restart',
  }),
  ws_max_message_bytes: setting({
    type: whole('bytes', 16_384, 16_777_216),
    initial: '262144',
    doc: 'Largest message of a Web SDK client.',
    apply: 'restart',
  }),
  ws_max_backlog_bytes: setting({
    type: whole('bytes', 65_536, 67_108_864),
    initial: '4194304',
    doc: 'Messages that may wait for a Web SDK client that does not read them.',
    apply: 'restart',
  }),
  ws_max_streams_per_session: setting({
    type: whole('streams', 1, 10_000),
    initial: '64',
    doc: 'Streams that one Web SDK session may publish at the same time.',
    apply: 'restart',
  }),
  'keep_alive.algorithm': setting({
    type: oneOf('HIGH_LEVEL', 'INTERNAL', 'NONE'),
    initial: 'HIGH_LEVEL',
    doc: 'How Web SDK clients are checked: by ping messages, by pings of the WebSocket protocol, or not at all.',
    apply: 'restart',
    wcs: true,
  }),
  'keep_alive.server_interval': setting({
    type: whole('milliseconds', 100, 600_000),
    initial: '5000',
    doc: 'Time between two pings to a Web SDK client.',
    apply: 'restart',
    wcs: true,
  }),
  'keep_alive.probes': setting({
    type: whole('pings', 1, 1000),
    initial: '10',
    doc: 'Pings without an answer after which a Web SDK session is ended.',
    apply: 'restart',
    wcs: true,
  }),
  whip_token: setting({
    type: orEmpty(text, 'asks for none'),
    initial: '',
    doc: 'Bearer token that WHIP clients have to send.',
    apply: 'live',
    secret: true,
  }),
} as const;
