import * as z from 'zod';
import { RecorderdError } from '../../domain/errors.ts';
import type { Stream } from '../../streams/stream.ts';
import { MediaSessionRequest, parseRequest, StreamFilter, StreamNameRequest } from '../requests.ts';
import type { HttpServices } from '../services.ts';
import { streamView } from '../../streams/streamView.ts';
import { SnapshotAnswer, StreamAnswer } from '../openapi/answers.ts';
import { matching, someOf } from './route.ts';
import type { Route, RouteDescription } from './route.ts';

const ROUTES = {
  findAll: {
    path: '/stream/find_all',
    methods: ['GET', 'POST'],
    summary: 'Lists all live streams.',
    answer: z.array(StreamAnswer),
    errors: ['STREAM_NOT_FOUND'],
  },
  find: {
    path: '/stream/find',
    methods: ['POST'],
    summary: 'Lists the live streams that match every field sent.',
    request: StreamFilter,
    answer: z.array(StreamAnswer),
    errors: ['BAD_REQUEST', 'STREAM_NOT_FOUND'],
  },
  snapshot: {
    path: '/stream/snapshot',
    methods: ['POST'],
    summary: 'Takes a picture of a live stream.',
    request: StreamNameRequest,
    answer: SnapshotAnswer,
    errors: ['BAD_REQUEST', 'STREAM_NOT_FOUND', 'SNAPSHOT_FAILED'],
  },
  terminate: {
    path: '/stream/terminate',
    methods: ['POST'],
    summary: 'Ends a publication.',
    request: MediaSessionRequest,
    errors: ['BAD_REQUEST', 'STREAM_NOT_FOUND'],
  },
} as const satisfies Record<string, RouteDescription>;

/** `/stream/…` but for recording: who publishes, a picture of it, and ending a publication. */
export function streamRoutes({ streams, recordings, snapshots }: HttpServices): readonly Route[] {
  const find = (filter: object) => {
    const now = Date.now();
    const views = streams
      .all()
      .map((stream) => streamView(stream, recordings.of(stream.mediaSessionId), now));
    return someOf(matching(views, filter), new RecorderdError('STREAM_NOT_FOUND', 'Stream not found'));
  };
  return [
    { ...ROUTES.findAll, handle: () => find({}) },
    { ...ROUTES.find, handle: (body) => find(parseRequest(StreamFilter, body)) },
    {
      ...ROUTES.snapshot,
      handle: async (body) => {
        const { streamName } = parseRequest(StreamNameRequest, body);
        const stream = streams.byName(streamName);
        if (stream === undefined) throw unknownStream(`name ${streamName}`);
        return { data: (await snapshots.take(stream)).toString('base64') };
      },
    },
    {
      ...ROUTES.terminate,
      handle: (body) => {
        const { mediaSessionId } = parseRequest(MediaSessionRequest, body);
        liveStream({ streams }, mediaSessionId).init.publisher.terminate('Stopped by rest /terminate');
      },
    },
  ];
}

/** @throws RecorderdError STREAM_NOT_FOUND */
export function liveStream({ streams }: Pick<HttpServices, 'streams'>, mediaSessionId: string): Stream {
  const stream = streams.byMediaSessionId(mediaSessionId);
  if (stream !== undefined) return stream;
  throw unknownStream(`mediaSessionId ${mediaSessionId}`);
}

function unknownStream(what: string): RecorderdError {
  return new RecorderdError('STREAM_NOT_FOUND', `Stream not found: ${what}`);
}
