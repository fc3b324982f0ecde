import * as z from 'zod';
import { customParameters } from './customParameters.ts';

/** One message of the Web SDK: its name and its only argument. */
export interface Message {
  readonly name: string;
  readonly body: unknown;
}

const MAX_ID_CHARACTERS = 64;
const MAX_NAME_CHARACTERS = 1024;
const MAX_WORD_CHARACTERS = 64;
const MAX_VERSION_CHARACTERS = 512;
const MAX_PROVIDERS = 16;

const Envelope = z.looseObject({ message: z.string().min(1), data: z.array(z.unknown()).optional() });

// Objects are loose and wishes fall back to their defaults: clients of all ages send fields of their own.
const id = z.string().min(1).max(MAX_ID_CHARACTERS);
const name = z.string().min(1).max(MAX_NAME_CHARACTERS);
const version = z.string().max(MAX_VERSION_CHARACTERS).optional().catch(undefined);
const custom = z.unknown().optional().transform(customParameters);
const wish = z
  .union([z.boolean(), z.literal('true')])
  .transform(Boolean)
  .catch(false);

/** `connection`: who the client is. */
export const ConnectionBody = z.looseObject({
  appKey: z.string().min(1).max(MAX_WORD_CHARACTERS).catch('defaultApp'),
  mediaProviders: z.array(z.string().max(MAX_WORD_CHARACTERS)).max(MAX_PROVIDERS).catch(['WebRTC']),
  clientVersion: version,
  clientOSVersion: version,
  clientBrowserVersion: version,
  custom,
});

/** What names a media session in every message about one. */
export const MediaSessionBody = z.looseObject({ mediaSessionId: id });

/** `availableStream`, `snapshot`: a stream by its name, answered to a media session. */
export const NamedStreamBody = MediaSessionBody.extend({ name });

/** `playStream`. */
export const PlayBody = NamedStreamBody.extend({ custom });

/** `publishStream`. `hasVideo` and the like are not read: the offer says it. */
export const PublishBody = NamedStreamBody.extend({
  sdp: z.string().min(1),
  record: wish,
  custom,
  transport: z.enum(['UDP', 'TCP']).catch('UDP'),
});

/** `sendStreamEvent` of a publisher. */
export const StreamEventBody = MediaSessionBody.extend({ type: z.string().max(MAX_WORD_CHARACTERS) });

/** `sendData`: a command for the application behind the server. */
export const DataBody = z.looseObject({ operationId: id, payload: z.unknown().optional() });

/** Messages that are accepted and looked at no further. */
export const AnyBody = z.unknown();

/** What a message says of itself, `undefined` when it is no message. */
export function parseMessage(text: string): Message | undefined {
  const result = Envelope.safeParse(parseJson(text));
  return result.success ? { name: result.data.message, body: result.data.data?.[0] } : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
