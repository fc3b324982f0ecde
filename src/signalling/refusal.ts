import type { Identity } from './identity.ts';

/** A publication or a play that did not come about. */
export interface Refusal {
  readonly mediaSessionId: string;
  readonly name?: string | undefined;
  readonly record?: boolean;
  readonly info: string;
}

/** The event that ends a publication which has no stream. */
export function refusedPublication(refusal: Refusal, identity: Identity | undefined) {
  return refused(refusal, identity, true);
}

/** The event that ends a play. */
export function refusedPlay(refusal: Refusal, identity: Identity | undefined) {
  return refused(refusal, identity, false);
}

function refused(refusal: Refusal, identity: Identity | undefined, published: boolean) {
  return {
    appKey: identity?.appKey ?? null,
    sessionId: identity?.sessionId ?? null,
    mediaSessionId: refusal.mediaSessionId,
    name: refusal.name ?? null,
    published,
    hasVideo: false,
    hasAudio: false,
    status: 'FAILED',
    info: refusal.info,
    record: refusal.record ?? false,
    recordName: null,
    mediaProvider: 'WebRTC',
  };
}
