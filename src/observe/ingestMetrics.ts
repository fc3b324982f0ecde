import { MEDIA_PROVIDERS } from '../domain/publisher.ts';
import type { MediaProvider } from '../domain/publisher.ts';
import { byWord } from '../ops/exposition.ts';
import type { Family, Point } from '../ops/exposition.ts';
import type { ConnectionLoad } from '../tcp/admission.ts';
import { PROTOCOLS } from './observed.ts';
import type { Observed } from './observed.ts';

const CAPTURE_STATES = ['PENDING', 'PLAYING', 'RECONNECTING', 'FAILED'] as const;

/** Publishers, what they send, captures and connections. */
export function ingestMetrics(observed: Observed): Family[] {
  return [...streamMetrics(observed), ...captureMetrics(observed), ...doorMetrics(observed)];
}

function streamMetrics({ streams, connections }: Observed): Family[] {
  const { counts } = streams;
  const live = streams.all();
  const received = new Map(MEDIA_PROVIDERS.map((each) => [each, counts.received(each, live)]));
  const isOf = (provider: MediaProvider) => (stream: (typeof live)[number]) =>
    stream.init.publisher.mediaProvider === provider;
  const sessions = connections.all();
  return [
    byProtocol('recorderd_streams', 'gauge', 'Live streams.', (p) => live.filter(isOf(p)).length),
    byProtocol('recorderd_sessions', 'gauge', 'Signalling sessions of clients.', (p) => {
      return sessions.filter(({ mediaProvider }) => mediaProvider === p).length;
    }),
    byProtocol('recorderd_streams_published_total', 'counter', 'Streams that began.', (p) =>
      counts.published.of(p),
    ),
    byWord(
      'recorderd_streams_refused_total',
      'Publishers that were refused, by the code of the error.',
      'code',
      counts.refused,
    ),
    byProtocol('recorderd_received_bytes_total', 'counter', 'Media received.', (p) => {
      return received.get(p)?.bytes ?? 0;
    }),
    byProtocol('recorderd_received_samples_total', 'counter', 'Pictures and audio frames received.', (p) => {
      return received.get(p)?.samples ?? 0;
    }),
    byProtocol('recorderd_rtp_packets_received_total', 'counter', 'RTP packets that arrived.', (p) => {
      return received.get(p)?.packets ?? 0;
    }),
    byProtocol('recorderd_rtp_packets_lost_total', 'counter', 'RTP packets that were given up.', (p) => {
      return received.get(p)?.packetsLost ?? 0;
    }),
  ];
}

function captureMetrics({ captures }: Observed): Family[] {
  const points = (['rtsp', 'rtmp'] as const).flatMap((protocol) =>
    CAPTURE_STATES.map((status): Point => {
      const labels = { protocol, status: status.toLowerCase() };
      return { labels, value: captures.find({ protocol, status }).length };
    }),
  );
  return [{ name: 'recorderd_captures', type: 'gauge', help: 'Sources that are pulled.', points }];
}

function doorMetrics({ doors }: Observed): Family[] {
  const open = doors();
  const byDoor = (
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    value: (load: ConnectionLoad) => number,
  ): Family => {
    const points = open.map(({ door, load }) => ({ labels: { door }, value: value(load) }));
    return { name, type, help, points };
  };
  return [
    byDoor('recorderd_connections', 'gauge', 'TCP connections that are open.', (load) => load.open),
    byDoor(
      'recorderd_connections_accepted_total',
      'counter',
      'TCP connections within the limits.',
      (load) => load.accepted,
    ),
    byDoor(
      'recorderd_connections_refused_total',
      'counter',
      'TCP connections over a limit.',
      (load) => load.refused,
    ),
  ];
}

function byProtocol(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  value: (provider: MediaProvider) => number,
): Family {
  const points = MEDIA_PROVIDERS.map((each) => ({
    labels: { protocol: PROTOCOLS[each] },
    value: value(each),
  }));
  return { name, type, help, points };
}
