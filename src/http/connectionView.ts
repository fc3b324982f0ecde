import type { Connection } from '../domain/publisher.ts';

/** A signalling session as WCS's REST shows it. The SIP fields are always empty but for `sipLogin`, its login. */
export function connectionView(connection: Connection) {
  return {
    custom: connection.custom,
    nodeId: null,
    appKey: connection.appKey,
    sessionId: connection.sessionId,
    sipRegisterRequired: false,
    sipLogin: connection.login,
    sipAuthenticationName: null,
    sipPassword: null,
    sipVisibleName: null,
    sipDomain: null,
    sipOutboundProxy: null,
    sipPort: 0,
    sipContactParams: null,
    width: 0,
    height: 0,
    supportedResolutions: '0x0',
    useProxy: true,
    useDTLS: true,
    useWsTunnel: false,
    mediaProviders: connection.mediaProviders ?? [connection.mediaProvider],
    clientVersion: connection.clientVersion ?? null,
    createDate: connection.createdAt,
  };
}

/** A signalling session as REST answers it. */
export type ConnectionView = ReturnType<typeof connectionView>;
