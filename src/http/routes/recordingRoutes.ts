import type * as z from 'zod';
import { RecorderdError } from '../../domain/errors.ts';
import { MediaSessionRequest, parseRequest, StartRequest } from '../requests.ts';
import type { RecordingOptions } from '../../domain/recording.ts';
import type { HttpServices } from '../services.ts';
import { someOf } from './route.ts';
import type { Route } from './route.ts';
import { liveStream } from './streamRoutes.ts';

/** Recording on demand: the paths of 5.0 under `/stream`, their successors of 5.2 under `/recorder`. */
export function recordingRoutes({ streams, recordings }: HttpServices): readonly Route[] {
  const start = (body: unknown): void => {
    const request = parseRequest(StartRequest, body);
    recordings.start(liveStream({ streams }, request.mediaSessionId), recordingOptions(request));
  };
  const stop = (body: unknown): Promise<void> =>
    recordings.stop(parseRequest(MediaSessionRequest, body).mediaSessionId);
  const findAll = () => {
    const items = recordings.list().map(({ fileName, mediaSessionId }) => ({ fileName, mediaSessionId }));
    return someOf(items, new RecorderdError('RECORDING_NOT_FOUND', 'Recording not found'));
  };
  return [
    { path: '/stream/startRecording', methods: ['POST'], handle: start },
    { path: '/stream/stopRecording', methods: ['POST'], handle: stop },
    { path: '/recorder/startup', methods: ['POST'], handle: start },
    { path: '/recorder/terminate', methods: ['POST'], handle: stop },
    { path: '/recorder/find_all', methods: ['GET', 'POST'], handle: findAll },
  ];
}

function recordingOptions({ fileName, force, config }: z.output<typeof StartRequest>): RecordingOptions {
  const { fileTemplate: template, rotation } = config ?? {};
  return {
    ...(typeof template === 'string' && { template }),
    ...(rotation && { rotation }),
    ...(typeof fileName === 'string' && { fileName }),
    ...(typeof force === 'boolean' && { overwrite: force }),
  };
}
