import type { CustomParameters } from '../../domain/publisher.ts';
import { RtspError } from './message.ts';

/** What a client calls the stream it publishes. */
export interface StreamName {
  readonly name: string;
  readonly custom: CustomParameters;
}

const MAX_NAME_CHARACTERS = 1_024;
const AUTHORITY = /^rtsps?:\/\/[^/?#]*/i;

/**
 * The stream name in the URL of an ANNOUNCE: the last component of its path, percent-decoded, as encoders and WCS's
 * RTMP have `rtsp://host/application/name`. The query becomes the custom parameters.
 * @throws RtspError 400 when there is no name, or one too long.
 */
export function streamNameOf(uri: string): StreamName {
  const [path = '', query = ''] = splitAt(uri.replace(AUTHORITY, ''), '?');
  const last = path.split('/').findLast((component) => component !== '') ?? '';
  const name = decoded(last);
  if (name === '' || uri === '*') throw new RtspError(400, 'the URL has no stream name');
  if (name.length > MAX_NAME_CHARACTERS)
    throw new RtspError(400, `the stream name is longer than ${MAX_NAME_CHARACTERS} characters`);
  return { name, custom: Object.fromEntries(new URLSearchParams(query)) };
}

function splitAt(text: string, mark: string): readonly string[] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** Text that is no percent-encoding is meant as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
