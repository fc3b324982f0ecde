import * as z from 'zod';
import { RecorderdError } from '../../domain/errors.ts';
import { MediaSessionRequest, parseRequest, StartRequest } from '../requests.ts';
import type { RecordingOptions } from '../../domain/recording.ts';
import type { HttpServices } from '../services.ts';
import { RecordingAnswer } from '../openapi/answers.ts';
import { someOf } from './route.ts';
import type { Route, RouteDescription } from './route.ts';
import { liveStream } from './streamRoutes.ts';

type Described = Omit<RouteDescription, 'path' | 'summary'>;

const STARTING: Described = {
  methods: ['POST'],
  request: StartRequest,
  errors: [
    ...(['BAD_REQUEST', 'STREAM_NOT_FOUND', 'RECORDING_FAILED'] as const),
    ...(['LIMIT_REACHED', 'SHUTTING_DOWN', 'DISK_FULL'] as const),
  ],
};
const STOPPING: Described = {
  methods: ['POST'],
  request: MediaSessionRequest,
  errors: ['BAD_REQUEST', 'RECORDING_NOT_FOUND', 'DISK_FULL'],
};
const FIND_ALL: RouteDescription = {
  path: '/recorder/find_all',
  methods: ['GET', 'POST'],
  summary: 'Lists what is being recorded.',
  answer: z.array(RecordingAnswer),
  errors: ['RECORDING_NOT_FOUND'],
};

/** Recording on demand: the paths of 5.0 under `/stream`, their successors of 5.2 under `/recorder`. */
export function recordingRoutes({ streams, recordings }: HttpServices): readonly Route[] {
  const start = async (body: unknown): Promise<void> => {
    const request = parseRequest(StartRequest, body);
    await recordings.start(liveStream({ streams }, request.mediaSessionId), recordingOptions(request));
  };
  const stop = (body: unknown): Promise<void> =>
    recordings.stop(parseRequest(MediaSessionRequest, body).mediaSessionId);
  const findAll = () => {
    const items = recordings.list().map(({ fileName, mediaSessionId }) => ({ fileName, mediaSessionId }));
    return someOf(items, new RecorderdError('RECORDING_NOT_FOUND', 'Recording not found'));
  };
  return [
    {
      path: '/stream/startRecording',
      summary: 'Starts recording a live stream.',
      ...STARTING,
      handle: start,
    },
    { path: '/recorder/startup', summary: 'The same as startRecording.', ...STARTING, handle: start },
    { path: '/stream/stopRecording', summary: 'Ends a recording.', ...STOPPING, handle: stop },
    { path: '/recorder/terminate', summary: 'The same as stopRecording.', ...STOPPING, handle: stop },
    { ...FIND_ALL, handle: findAll },
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
