import * as z from 'zod';
import { RecorderdError } from '../../domain/errors.ts';
import type { CaptureInfo, Captures } from '../../streams/captures.ts';
import { parseRequest } from '../requests.ts';
import { PullAnswer } from '../openapi/answers.ts';
import { someOf } from './route.ts';
import type { Route } from './route.ts';

const text = z.string({ error: 'must be a string' }).min(1, 'must not be empty');
const optional = text.nullish().transform((value) => value ?? undefined);
const body = { error: 'must be a JSON object' };

const PullRequest = z.object({ uri: text, localStreamName: optional, remoteStreamName: optional }, body);
const TerminateRequest = z
  .object({ uri: optional, localStreamName: optional, remoteStreamName: optional }, body)
  .refine((request) => Object.values(request).some((value) => value !== undefined), {
    error: 'one of uri, localStreamName and remoteStreamName is required',
  });

/**
 * `/pull/…`: streams of other RTMP servers, under `/pull/rtmp` and under the paths that the official client and the
 * console use. URIs are answered without user and password.
 */
export function pullRoutes(captures: Captures): readonly Route[] {
  return ['/pull/rtmp', '/pull'].flatMap((folder) => routesUnder(folder, captures));
}

function routesUnder(folder: string, captures: Captures): Route[] {
  return [
    {
      path: `${folder}/pull`,
      methods: ['POST'],
      summary: 'Begins to pull a stream of another RTMP server.',
      request: PullRequest,
      errors: ['BAD_REQUEST', 'CAPTURE_IN_USE', 'STREAM_NAME_IN_USE', 'LIMIT_REACHED', 'SHUTTING_DOWN'],
      handle: (request) => {
        const { uri, localStreamName, remoteStreamName } = parseRequest(PullRequest, request);
        const whole = withStream(uri, remoteStreamName);
        captures.start({ uri: whole, name: localStreamName, protocol: 'rtmp', origin: 'rest' });
      },
    },
    {
      path: `${folder}/find_all`,
      methods: ['GET', 'POST'],
      summary: 'Lists the streams of other RTMP servers that are pulled.',
      answer: z.array(PullAnswer),
      errors: ['CAPTURE_NOT_FOUND'],
      handle: () => someOf(captures.find({ protocol: 'rtmp' }).map(pullView), notFound()),
    },
    {
      path: `${folder}/terminate`,
      methods: ['POST'],
      summary: 'Ends pulling streams of another RTMP server.',
      request: TerminateRequest,
      errors: ['BAD_REQUEST', 'CAPTURE_NOT_FOUND'],
      handle: (request) => terminate(captures, parseRequest(TerminateRequest, request)),
    },
  ];
}

function terminate(captures: Captures, wanted: z.output<typeof TerminateRequest>): void {
  const { uri, localStreamName: name, remoteStreamName } = wanted;
  const found = captures
    .find({ protocol: 'rtmp', uri, name })
    .filter((info) => remoteStreamName === undefined || remoteName(info.uri) === remoteStreamName);
  if (found.length === 0) throw notFound();
  for (const each of found) {
    captures.terminate({ protocol: 'rtmp', uri: each.uri }, 'Stopped by rest /terminate');
  }
}

/** A URI of an application only, as in `rtmp://host/live`, gets the stream that the request names apart. */
function withStream(uri: string, stream: string | undefined): string {
  if (stream === undefined || !/^rtmps?:\/\/[^/?#]+\/[^/?#]+\/?$/i.test(uri)) return uri;
  return `${uri.replace(/\/$/, '')}/${stream}`;
}

/** The stream's name on the other server: the last part of the path. */
function remoteName(uri: string): string {
  return /([^/?#]*)(?:[?#].*)?$/.exec(uri)?.[1] ?? '';
}

function pullView({ uri, status, name, mediaSessionId, info }: CaptureInfo) {
  return {
    uri,
    localMediaSessionId: mediaSessionId,
    remoteStreamName: remoteName(uri),
    localStreamName: name,
    status,
    info,
  };
}

function notFound(): RecorderdError {
  return new RecorderdError('CAPTURE_NOT_FOUND', 'Capture not found');
}
