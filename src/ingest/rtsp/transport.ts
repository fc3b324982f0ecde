/** How the packets of one track come (RFC 2326, 12.39). */
export type Transport =
  | {
      readonly kind: 'tcp';
      readonly profile: string;
      /** Channels of RTP and RTCP; undefined leaves the choice to the server. */
      readonly channels: readonly [number, number] | undefined;
    }
  | {
      readonly kind: 'udp';
      readonly profile: string;
      /** Where the client receives RTCP. */
      readonly clientPorts: readonly [number, number];
    };

const MAX_SPECS = 16;
const PROFILE = /^(RTP\/AVPF?)(?:\/(TCP|UDP))?$/i;
const RANGE = /^(\d{1,5})(?:-(\d{1,5}))?$/;
/** Also what encoders wrote before RFC 2326 settled on `record`. */
const MODES = new Set(['record', 'receive']);

/**
 * The first transport of the header that the server can take media by. Undefined when there is none: multicast,
 * encryption below RTP, playing, UDP without ports.
 */
export function chooseTransport(header: string, accepts: { readonly udp: boolean }): Transport | undefined {
  for (const spec of header.split(',', MAX_SPECS)) {
    const transport = readSpec(spec);
    if (transport !== undefined && (transport.kind === 'tcp' || accepts.udp)) return transport;
  }
  return undefined;
}

function readSpec(spec: string): Transport | undefined {
  const [protocol = '', ...parameters] = spec.split(';').map((part) => part.trim());
  const [, profile, lower] = PROFILE.exec(protocol) ?? [];
  if (profile === undefined) return undefined;
  const values = new Map(parameters.map(pair));
  const mode = (values.get('mode') ?? 'record').replaceAll('"', '').toLowerCase();
  if (values.has('multicast') || !MODES.has(mode)) return undefined;
  if (lower?.toUpperCase() === 'TCP') return tcp(profile, values.get('interleaved'));
  const clientPorts = range(values.get('client_port'), 65_535);
  if (clientPorts === undefined || clientPorts.includes(0)) return undefined;
  return { kind: 'udp', profile, clientPorts };
}

function tcp(profile: string, interleaved: string | undefined): Transport | undefined {
  const channels = range(interleaved, 255);
  if (interleaved !== undefined && (channels === undefined || channels[0] === channels[1])) return undefined;
  return { kind: 'tcp', profile, channels };
}

function pair(parameter: string): readonly [string, string] {
  const at = parameter.indexOf('=');
  const name = at < 0 ? parameter : parameter.slice(0, at);
  return [name.trim().toLowerCase(), at < 0 ? '' : parameter.slice(at + 1).trim()];
}

/** `a-b`, or `a` for a and the number after it. */
function range(text: string | undefined, max: number): readonly [number, number] | undefined {
  const [, from, to] = RANGE.exec(text ?? '') ?? [];
  if (from === undefined) return undefined;
  const first = Number(from);
  const second = to === undefined ? first + 1 : Number(to);
  return first <= max && second <= max ? [first, second] : undefined;
}
