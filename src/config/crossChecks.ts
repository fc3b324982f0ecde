import type { SettingKey, Settings } from './settings.ts';
import { WCS_MEDIA_PORTS } from './webrtc.ts';

/** What the rules that span several keys may look at. */
export interface Candidate {
  readonly settings: Settings;
  /** Beginning of a message about a key that was set; undefined when it has its default. */
  readonly labelOf: (key: SettingKey) => string | undefined;
}

/** A rule that is not kept. `message` begins where the setting to change was made. */
export interface Finding {
  readonly level: 'problem' | 'warning';
  /** The keys that the rule compared. */
  readonly keys: readonly SettingKey[];
  readonly message: string;
}

/** Rules that no key can check alone. */
export function crossCheck(candidate: Candidate): readonly Finding[] {
  return [
    ...unpairedCertificate(candidate),
    ...doorsWithoutCertificate(candidate),
    ...sharedPorts(candidate),
    ...tooSmallForOneMessage(candidate),
    ...reversedMediaPorts(candidate),
    ...rtspPortsWithoutPair(candidate),
    ...restOpenToAll(candidate),
  ];
}

function unpairedCertificate({ settings, labelOf }: Candidate): Finding[] {
  const keys = ['tls_certificate', 'tls_key'] as const;
  const given = keys.find((key) => settings[key] !== '');
  const missing = keys.find((key) => settings[key] === '');
  if (given === undefined || missing === undefined) return [];
  return [{ level: 'problem', keys, message: `${labelOf(given) ?? given}: needs ${missing} beside it` }];
}

function doorsWithoutCertificate({ settings, labelOf }: Candidate): Finding[] {
  if (settings.tls_certificate !== '' || settings.tls_key !== '') return [];
  return (['https.port', 'wss.port', 'https.legacy.port', 'rtmps.port', 'rtsps.port'] as const).flatMap(
    (door) => {
      const label = labelOf(door);
      if (label === undefined || settings[door] === undefined) return [];
      // Every WCS file may name these ports; such a file must start the server.
      const level = door === 'https.port' || door === 'wss.port' ? 'warning' : 'problem';
      const keys = [door, 'tls_certificate', 'tls_key'] as const;
      return [{ level, keys, message: `${label}: stays closed without tls_certificate and tls_key` }];
    },
  );
}

function sharedPorts({ settings, labelOf }: Candidate): Finding[] {
  const plain = ['http.port', 'ws.port', 'http.legacy.port', 'rtmp.port', 'rtsp.port'] as const;
  const secure = ['https.port', 'wss.port', 'https.legacy.port', 'rtmps.port', 'rtsps.port'] as const;
  const owners = new Map<number, SettingKey>();
  const findings: Finding[] = [];
  for (const key of settings.tls_certificate === '' ? plain : [...plain, ...secure]) {
    const number = settings[key];
    if (number === undefined || number === 0) continue;
    const owner = owners.get(number);
    if (owner === undefined) {
      owners.set(number, key);
    } else {
      const label = labelOf(key) ?? labelOf(owner) ?? key;
      const message = `${label}: ${owner} and ${key} are both ${number}`;
      findings.push({ level: 'problem', keys: [owner, key], message });
    }
  }
  return findings;
}

function tooSmallForOneMessage({ settings, labelOf }: Candidate): Finding[] {
  const keys = ['rtmp_max_unfinished_bytes', 'rtmp_max_message_bytes'] as const;
  const [whole, part] = keys;
  if (settings[whole] >= settings[part]) return [];
  const label = labelOf(whole) ?? labelOf(part) ?? whole;
  return [{ level: 'problem', keys, message: `${label}: ${whole} must not be less than ${part}` }];
}

function reversedMediaPorts({ settings, labelOf }: Candidate): Finding[] {
  const keys = ['media_port_from', 'media_port_to'] as const;
  const { from, to } = { ...WCS_MEDIA_PORTS, ...mediaPorts(settings) };
  if (from > 0 && from <= to) return [];
  const label = labelOf('media_port_from') ?? labelOf('media_port_to') ?? 'media_port_from';
  const message = `${label}: media_port_from must be above 0 and not above media_port_to`;
  return [{ level: 'problem', keys, message }];
}

/** RTP comes in on an even port and RTCP on the odd one behind it. */
function rtspPortsWithoutPair({ settings, labelOf }: Candidate): Finding[] {
  const keys = ['rtsp_udp_port_from', 'rtsp_udp_port_to'] as const;
  const [from, to] = keys.map((key) => settings[key]);
  if (from === undefined && to === undefined) return [];
  const hasPair = from !== undefined && to !== undefined && from > 0 && from + (from % 2) < to;
  if (hasPair) return [];
  const label = labelOf('rtsp_udp_port_from') ?? labelOf('rtsp_udp_port_to') ?? 'rtsp_udp_port_from';
  const message = `${label}: rtsp_udp_port_from and rtsp_udp_port_to must both be above 0 and hold an even port and the one behind it`;
  return [{ level: 'problem', keys, message }];
}

function restOpenToAll({ settings, labelOf }: Candidate): Finding[] {
  const keys = ['rest_allow', 'rest_users', 'rest_token'] as const;
  if (!settings.rest_allow.isAny || settings.rest_users.length > 0 || settings.rest_token !== '') return [];
  const message = `${labelOf('rest_allow') ?? 'rest_allow'}: everybody who reaches the port can use REST; set rest_users or rest_token`;
  return [{ level: 'warning', keys, message }];
}

/** The ends of the range that are set. */
function mediaPorts({ media_port_from: from, media_port_to: to }: Settings): { from?: number; to?: number } {
  return { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}
