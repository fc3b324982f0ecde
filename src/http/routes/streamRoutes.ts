import { RecorderdError } from '../../domain/errors.ts';
import type { Stream } from '../../streams/stream.ts';
import { MediaSessionRequest, parseRequest, StreamFilter, StreamNameRequest } from '../requests.ts';
import type { HttpServices } from '../services.ts';
import { streamView } from '../../streams/streamView.ts';
import { matching, someOf } from './route.ts';
import type { Route } from './route.ts';

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
    { path: '/stream/find_all', methods: ['GET', 'POST'], handle: () => find({}) },
    { path: '/stream/find', methods: ['POST'], handle: (body) => find(parseRequest(StreamFilter, body)) },
    {
      path: '/stream/snapshot',
      methods: ['POST'],
      handle: async (body) => {
        const { streamName } = parseRequest(StreamNameRequest, body);
        const stream = streams.byName(streamName);
        if (stream === undefined) throw unknownStream(`name ${streamName}`);
        return { data: (await snapshots.take(stream)).toString('base64') };
      },
    },
    {
      path: '/stream/terminate',
      methods: ['POST'],
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
