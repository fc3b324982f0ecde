import { addressList, basicUsers, bearerToken, publishRules } from './accessTypes.ts';
import { setting } from './settingTypes.ts';

/** Who may do what. */
export const ACCESS = {
  rest_allow: setting({
    type: addressList,
    initial: 'loopback,private',
    doc: 'Addresses that REST answers; any opens it to everybody who reaches the port.',
    apply: 'restart',
  }),
  rest_users: setting({
    type: basicUsers,
    initial: '',
    doc: 'Users, one of whom every client of REST has to be (HTTP Basic), unless it sends rest_token.',
    apply: 'restart',
    secret: true,
  }),
  rest_token: setting({
    type: bearerToken,
    initial: '',
    doc: 'Bearer token that every client of REST has to send, unless it is one of rest_users.',
    apply: 'restart',
    secret: true,
  }),
  publish_secrets: setting({
    type: publishRules,
    initial: '',
    doc: 'Secrets that publishers have to send as token or key; the first pattern that fits the stream name decides, a name that none fits is open.',
    apply: 'restart',
    secret: true,
  }),
} as const;
