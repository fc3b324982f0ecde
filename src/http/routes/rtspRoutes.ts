import * as z from 'zod';
import { RecorderdError } from '../../domain/errors.ts';
import type { CaptureInfo, Captures } from '../../streams/captures.ts';
import { parseRequest } from '../requests.ts';
import { CaptureAnswer } from '../openapi/answers.ts';
import { someOf } from './route.ts';
import type { Route, RouteDescription } from './route.ts';

const text = z.string({ error: 'must be a string' }).min(1, 'must not be empty');
const optional = text.nullish().transform((value) => value ?? undefined);
const body = { error: 'must be a JSON object' };

// The name has had two names: `toStream` since 5.2.479, `localStreamName` in the newest pages.
const StartRequest = z.object({ uri: text, toStream: optional, localStreamName: optional }, body);
const FindRequest = z.object({ uri: optional, status: optional, toStream: optional }, body);
const TerminateRequest = z.object({ uri: text }, body);

const ROUTES = {
  startup: {
    path: '/rtsp/startup',
    methods: ['POST'],
    summary: 'Begins to pull a camera.',
    request: StartRequest,
    errors: ['BAD_REQUEST', 'CAPTURE_IN_USE', 'STREAM_NAME_IN_USE', 'LIMIT_REACHED', 'SHUTTING_DOWN'],
  },
  findAll: {
    path: '/rtsp/find_all',
    methods: ['GET', 'POST'],
    summary: 'Lists all cameras that are pulled.',
    answer: z.array(CaptureAnswer),
    errors: ['CAPTURE_NOT_FOUND'],
  },
  find: {
    path: '/rtsp/find',
    methods: ['POST'],
    summary: 'Lists the cameras that match every field sent.',
    request: FindRequest,
    answer: z.array(CaptureAnswer),
    errors: ['BAD_REQUEST', 'CAPTURE_NOT_FOUND'],
  },
  terminate: {
    path: '/rtsp/terminate',
    methods: ['POST'],
    summary: 'Ends pulling a camera.',
    request: TerminateRequest,
    errors: ['BAD_REQUEST', 'CAPTURE_NOT_FOUND'],
  },
} as const satisfies Record<string, RouteDescription>;

/** `/rtsp/…`: cameras that the server pulls. URIs are answered without user and password. */
export function rtspRoutes(captures: Captures): readonly Route[] {
  const find = (filter: {
    uri?: string | undefined;
    status?: string | undefined;
    name?: string | undefined;
  }) => someOf(captures.find({ protocol: 'rtsp', ...filter }).map(rtspView), notFound());
  return [
    {
      ...ROUTES.startup,
      handle: (request) => {
        const { uri, toStream, localStreamName } = parseRequest(StartRequest, request);
        captures.start({ uri, name: localStreamName ?? toStream, protocol: 'rtsp', origin: 'rest' });
      },
    },
    { ...ROUTES.findAll, handle: () => find({}) },
    {
      ...ROUTES.find,
      handle: (request) => {
        const { toStream: name, ...filter } = parseRequest(FindRequest, request);
        return find({ name, ...filter });
      },
    },
    {
      ...ROUTES.terminate,
      handle: (request) => {
        const { uri } = parseRequest(TerminateRequest, request);
        captures.terminate({ protocol: 'rtsp', uri }, 'Stopped by rest /terminate');
      },
    },
  ];
}

/** A camera as WCS's REST shows it, then what tells more. */
function rtspView({ uri, status, name, mediaSessionId, info }: CaptureInfo) {
  return { uri, status, toStream: name, localStreamName: name, mediaSessionId, info };
}

function notFound(): RecorderdError {
  return new RecorderdError('CAPTURE_NOT_FOUND', 'Capture not found');
}
