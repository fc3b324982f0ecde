import type * as z from 'zod';
import type { ErrorCode } from '../../domain/errors.ts';
import { HealthAnswer, LiveStateAnswer, ReadyAnswer, StatAnswer } from './answers.ts';
import type { Schemas } from './schemas.ts';

type Json = Readonly<Record<string, unknown>>;
/** The responses for these codes. */
type Errors = (codes: readonly ErrorCode[]) => Json;

/** Every path behind the guard can have these. */
export const GUARDED: readonly ErrorCode[] = ['UNAUTHORIZED', 'FORBIDDEN', 'INTERNAL'];

/** Asks for no credentials. */
const OPEN = { security: [{}] };
const TEXT = { type: 'string' };

/** What is served beside the JSON of `/rest-api`. */
export function otherPaths(schemas: Schemas, errors: Errors): Json {
  return {
    ...healthPaths(schemas, errors),
    ...figurePaths(schemas, errors),
    ...filePaths(errors),
    ...exportPaths(errors),
    ...whipPaths(errors),
  };
}

function healthPaths(schemas: Schemas, errors: Errors): Json {
  const of = (description: string, schema: z.ZodType): Json => ({
    description,
    content: { 'application/json': { schema: schemas.use(schema) } },
  });
  const health = of('The process answers.', HealthAnswer);
  const ready = of('New streams are accepted and recorded.', ReadyAnswer);
  const unready = of('They are not; the checks tell why.', ReadyAnswer);
  return {
    '/healthz': get(
      'getHealth',
      'Says that the process is alive.',
      { 200: health, ...errors(['INTERNAL']) },
      OPEN,
    ),
    '/readyz': get(
      'getReadiness',
      'Says whether it takes streams.',
      { 200: ready, 503: unready, ...errors(['INTERNAL']) },
      OPEN,
    ),
  };
}

function figurePaths(schemas: Schemas, errors: Errors): Json {
  const state = schemas.use(LiveStateAnswer);
  const events = {
    description: 'One event a second, each with the live state as JSON, until the client leaves.',
    content: {
      'text/event-stream': {
        schema: { ...TEXT, contentMediaType: 'application/json', contentSchema: state },
      },
    },
  };
  const metrics = {
    description: 'Metrics in the text format of Prometheus.',
    content: { 'text/plain': { schema: TEXT } },
  };
  const stat = {
    description: 'The operator page; with action=stat figures in groups, as text or as JSON.',
    content: {
      'text/html': { schema: TEXT },
      'text/plain': { schema: TEXT },
      'application/json': { schema: schemas.use(StatAnswer) },
    },
  };
  const refused = errors([...GUARDED, 'LIMIT_REACHED', 'SHUTTING_DOWN']);
  return {
    '/metrics': get('getMetrics', 'Gives metrics.', { 200: metrics, ...errors(GUARDED) }),
    '/rest-api/events': get('getEvents', 'Tells the live state once a second.', { 200: events, ...refused }),
    '/': get(
      'getStatistics',
      'Shows the operator page, or gives the statistics of WCS.',
      { 200: stat, ...errors([...GUARDED, 'NOT_FOUND']) },
      STAT_QUERY,
    ),
  };
}

function get(operationId: string, summary: string, responses: Json, more: Json = {}): Json {
  return { get: { operationId, summary, tags: ['status'], ...more, responses } };
}

const STAT_QUERY = {
  parameters: [
    { name: 'action', in: 'query', description: 'The page without it.', schema: { const: 'stat' } },
    { name: 'format', in: 'query', description: 'Text without it.', schema: { const: 'json' } },
    { name: 'groups', in: 'query', description: 'Names, with commas; all without it.', schema: TEXT },
  ],
};

const MEDIA = { schema: { type: 'string', contentEncoding: 'binary' } };
const FILE = { 'video/mp4': MEDIA, 'video/webm': MEDIA, 'video/x-matroska': MEDIA, 'video/mp2t': MEDIA };

function filePaths(errors: Errors): Json {
  return {
    '/client/records/{name}': {
      parameters: [
        { name: 'name', in: 'path', required: true, description: 'Name of the file.', schema: TEXT },
        { name: 'download', in: 'query', description: 'Has browsers save the file.', schema: TEXT },
      ],
      get: {
        operationId: 'getRecord',
        summary: 'Gives a finished recording, or a range of it.',
        tags: ['files'],
        ...OPEN,
        responses: {
          200: { description: 'The file.', content: FILE },
          206: { description: 'A range of it.', content: FILE },
          ...errors(['NOT_FOUND', 'PRECONDITION_FAILED', 'RANGE_NOT_SATISFIABLE', 'INTERNAL']),
        },
      },
    },
  };
}

const NOT_JOINED: readonly ErrorCode[] = [
  ...GUARDED,
  ...(['BAD_REQUEST', 'RECORDING_NOT_FOUND', 'FILE_NOT_FOUND', 'EXPORT_IMPOSSIBLE'] as const),
];
const NOT_MADE: readonly ErrorCode[] = [
  ...NOT_JOINED,
  ...(['EXPORT_FAILED', 'LIMIT_REACHED', 'DISK_FULL'] as const),
];

const PICTURE = {
  description: 'A thumbnail as JPEG; of sound alone its waveform as SVG.',
  content: { 'image/jpeg': MEDIA, 'image/svg+xml': { schema: TEXT } },
};
const NO_PICTURE: readonly ErrorCode[] = [
  ...GUARDED,
  ...(['BAD_REQUEST', 'RECORDING_NOT_FOUND', 'FILE_NOT_FOUND', 'NOT_FOUND'] as const),
  ...(['PICTURE_FAILED', 'LIMIT_REACHED', 'DISK_FULL'] as const),
];

const RECORDING_ID = { name: 'recordingId', in: 'query', schema: TEXT };
const TIME = { type: ['integer', 'string'], description: 'Milliseconds since 1970, or ISO 8601.' };

/** Finished media in another shape. */
function exportPaths(errors: Errors): Json {
  const of = (operationId: string, summary: string, parameters: readonly Json[], responses: Json): Json => ({
    get: { operationId, summary, tags: ['catalogue'], parameters, responses },
  });
  const required = { ...RECORDING_ID, required: true };
  const part = { name: 'partIndex', in: 'query', required: true, schema: { type: 'integer', minimum: 1 } };
  const range = [
    { name: 'streamName', in: 'query', schema: TEXT },
    { name: 'from', in: 'query', schema: TIME },
    { name: 'to', in: 'query', schema: TIME },
  ];
  const whole = { description: 'One file.', content: FILE };
  const playlist = {
    description: 'A playlist of HLS.',
    content: { 'application/vnd.apple.mpegurl': { schema: TEXT } },
  };
  const segment = { description: 'A file as MPEG-TS.', content: { 'video/mp2t': MEDIA } };
  return {
    '/rest-api/catalogue/export': of(
      'getExport',
      'Joins the files of a recording, or what a stream recorded in a time; nothing is encoded.',
      [RECORDING_ID, ...range],
      { 200: whole, ...errors(NOT_MADE) },
    ),
    '/rest-api/catalogue/picture': of(
      'getPicture',
      'Gives a small picture of a finished file, which is made when it is first asked for.',
      [required, part],
      { 200: PICTURE, ...errors(NO_PICTURE) },
    ),
    '/rest-api/catalogue/playlist.m3u8': of('getPlaylist', 'Plays a recording by HLS.', [required], {
      200: playlist,
      ...errors(NOT_JOINED),
    }),
    '/rest-api/catalogue/segment.ts': of('getSegment', 'Gives what the playlist names.', [required, part], {
      200: segment,
      ...errors(NOT_MADE),
    }),
  };
}

const OFFER_ERRORS: readonly ErrorCode[] = [
  ...(['UNAUTHORIZED', 'INTERNAL'] as const),
  ...(['BAD_REQUEST', 'NO_COMMON_CODECS', 'STREAM_NAME_IN_USE', 'BODY_TOO_LARGE'] as const),
  ...(['UNSUPPORTED_MEDIA_TYPE', 'LIMIT_REACHED', 'SHUTTING_DOWN'] as const),
];

const NAME = { name: 'name', in: 'path', required: true, description: 'Of the stream.', schema: TEXT };
const ID = { name: 'id', in: 'path', required: true, description: 'Of the session.', schema: TEXT };
const RECORD = {
  name: 'record',
  in: 'query',
  description: 'Has the stream recorded.',
  schema: { type: 'boolean' },
};

/** They have a token of their own, `whip_token`. */
function whipPaths(errors: Errors): Json {
  const sdp = { content: { 'application/sdp': { schema: TEXT } } };
  const common = { tags: ['whip'], security: [{}, { token: [] }] };
  return {
    '/whip/{name}': {
      parameters: [NAME],
      post: {
        operationId: 'publishByWhip',
        summary: 'Publishes a stream; the body is an SDP offer.',
        ...common,
        parameters: [RECORD],
        requestBody: { required: true, ...sdp },
        responses: {
          201: { description: 'The SDP answer; Location names the session.', ...sdp },
          ...errors(OFFER_ERRORS),
        },
      },
    },
    '/whip/{name}/{id}': {
      parameters: [NAME, ID],
      delete: {
        operationId: 'endWhip',
        summary: 'Ends a publication.',
        ...common,
        responses: {
          200: { description: 'Ended; the body is empty.' },
          ...errors(['UNAUTHORIZED', 'NOT_FOUND', 'INTERNAL']),
        },
      },
    },
  };
}
