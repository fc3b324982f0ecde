import { addressList, basicUsers, bearerToken, publishRules } from './accessTypes.ts';
import { setting, whole } from './settingTypes.ts';

/** Who may do what, and how many at the same time. */
export const ACCESS = {
  rest_allow: setting({
    type: addressList,
    initial: 'loopback,private',
    doc: 'Addresses that REST answers; any opens it to everybody who reaches the port.',
    apply: 'live',
  }),
  rest_users: setting({
    type: basicUsers,
    initial: '',
    doc: 'Users, one of whom every client of REST has to be (HTTP Basic), unless it sends rest_token.',
    apply: 'live',
    secret: true,
  }),
  rest_token: setting({
    type: bearerToken,
    initial: '',
    doc: 'Bearer token that every client of REST has to send, unless it is one of rest_users.',
    apply: 'live',
    secret: true,
  }),
  publish_secrets: setting({
    type: publishRules,
    initial: '',
    doc: 'Secrets that publishers have to send as token or key; the first pattern that fits the stream name decides, a name that none fits is open.',
    apply: 'live',
    secret: true,
  }),
  max_streams: setting({
    type: whole('streams', 1, 100_000),
    initial: '2000',
    doc: 'Streams at the same time, of all protocols and captures; further publishers are refused.',
    apply: 'live',
  }),
  max_recordings: setting({
    type: whole('recordings', 1, 100_000),
    initial: '1000',
    doc: 'Streams that are recorded at the same time; a further start by REST, or publisher who would be recorded, is refused.',
    apply: 'live',
  }),
  http_max_connections: setting({
    type: whole('connections', 1, 100_000),
    initial: '1024',
    doc: 'Connections to the http and https ports at the same time.',
    apply: 'restart',
  }),
  http_max_connections_per_address: setting({
    type: whole('connections', 1, 100_000),
    initial: '256',
    doc: 'The same from one address, which behind a proxy is that of all clients.',
    apply: 'restart',
  }),
} as const;
