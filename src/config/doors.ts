import { ipAddress, orEmpty, origin, path, port, setting, whole } from './settingTypes.ts';

/** Addresses, ports and certificates: where the server can be reached. */
export const DOORS = {
  ip_local: setting({
    type: orEmpty(ipAddress, 'listens on all interfaces'),
    initial: '',
    doc: 'Address of the interface that every port listens on.',
    apply: 'restart',
    wcs: true,
  }),
  'http.port': setting({
    type: port,
    initial: '8081',
    doc: 'Port of the REST API and the health checks by http.',
    apply: 'restart',
    wcs: true,
  }),
  'https.port': setting({
    type: port,
    initial: '8444',
    doc: 'Port of the REST API by https; opened only when tls_certificate is set.',
    apply: 'restart',
    wcs: true,
  }),
  'http.legacy.port': setting({
    type: port,
    initial: '',
    doc: 'A second http port for clients of WCS 5.0, which used 9091.',
    apply: 'restart',
  }),
  'https.legacy.port': setting({
    type: port,
    initial: '',
    doc: 'A second https port for clients of WCS 5.0, which used 8888; needs tls_certificate.',
    apply: 'restart',
  }),
  'rtmp.port': setting({
    type: port,
    initial: '1935',
    doc: 'Port that RTMP encoders publish to.',
    apply: 'restart',
    wcs: true,
  }),
  'rtmps.port': setting({
    type: port,
    initial: '',
    doc: 'Port that RTMPS encoders publish to; needs tls_certificate.',
    apply: 'restart',
  }),
  tls_certificate: setting({
    type: orEmpty(path, 'means no TLS at all'),
    initial: '',
    doc: 'PEM file with the certificate and its chain, for https, wss, RTMPS and RTSPS; goes with tls_key; SIGHUP reads both again.',
    apply: 'restart',
  }),
  tls_key: setting({
    type: orEmpty(path, 'means no TLS at all'),
    initial: '',
    doc: 'PEM file with the private key of tls_certificate.',
    apply: 'restart',
  }),
  http_max_body_bytes: setting({
    type: whole('bytes', 1024, 16_777_216),
    initial: '65536',
    doc: 'Largest body of a REST request; a larger one is answered with 413.',
    apply: 'restart',
  }),
  cors_origin: setting({
    type: orEmpty(origin, 'sends no CORS headers'),
    initial: '*',
    doc: 'Web pages that may call the REST API from a browser; WCS allows all of them. With * they can neither delete files nor run hooks.',
    apply: 'live',
  }),
} as const;
