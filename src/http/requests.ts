import * as z from 'zod';
import { CATALOGUE_SORTS, FILE_STATES, HOOK_STATES } from '../domain/catalogue.ts';
import { RecorderdError } from '../domain/errors.ts';
import { parseRotation } from '../domain/rotation.ts';
import type { Rotation } from '../domain/rotation.ts';

// Objects are not strict: existing clients send fields of their own, which are dropped here.
const text = z.string({ error: 'must be a string' });
const requiredText = z
  .string({ error: (issue) => (issue.input === undefined ? 'is required' : 'must be a string') })
  .min(1, 'must not be empty');
const optionalText = text.min(1, 'must not be empty').nullish();
const flag = z
  .union([z.boolean(), z.literal('true'), z.literal('false')], { error: 'must be true or false' })
  .transform((value) => String(value) === 'true');
const rotation = z
  .union([z.string(), z.number(), z.literal(false)], { error: 'must be a string, a number or false' })
  .transform((value, context): Rotation => {
    try {
      return parseRotation(String(value));
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as RangeError).message });
      return z.NEVER;
    }
  });
const bodyError = { error: 'must be a JSON object' };

/** Fields of `/stream/find` that narrow the answer; null counts as absent. */
export const StreamFilter = z.object(
  { mediaSessionId: text.nullish(), name: text.nullish(), published: flag.nullish(), status: text.nullish() },
  bodyError,
);

/** Fields of `/connection/find` that narrow the answer; null counts as absent. */
export const ConnectionFilter = z.object(
  { sessionId: text.nullish(), appKey: text.nullish(), clientVersion: text.nullish() },
  bodyError,
);

/** Names one media session. */
export const MediaSessionRequest = z.object({ mediaSessionId: requiredText }, bodyError);

/** Names one stream by its name. */
export const StreamNameRequest = z.object({ streamName: requiredText }, bodyError);

/** Names one signalling session. */
export const SessionRequest = z.object({ sessionId: requiredText }, bodyError);

/** Names one hook run; none: all of them. */
export const HookRunRequest = z.object(
  {
    id: optionalText.describe(
      'From /hooks/find_all; without it all that are parked or wait for another try.',
    ),
  },
  bodyError,
);

const MAX_REPORTS = 1000;
const wholeFrom1 = (max: number) =>
  z
    .number({ error: 'must be a number' })
    .refine((value) => Number.isInteger(value) && value >= 1 && value <= max, {
      error: `must be a whole number from 1 to ${max}`,
    })
    .nullish();

/** Milliseconds since the epoch, or text that says a point of time (ISO 8601). */
const time = z
  .union([z.number(), z.string()], { error: 'must be milliseconds since 1970 or an ISO 8601 time' })
  .transform((value, context): number => {
    const ms = typeof value === 'number' || /^\d+$/.test(value) ? Number(value) : Date.parse(value);
    if (Number.isFinite(ms)) return ms;
    context.addIssue({ code: 'custom', message: 'must be milliseconds since 1970 or an ISO 8601 time' });
    return z.NEVER;
  })
  .nullish();
const wholeFrom0 = z
  .number({ error: 'must be a number' })
  .refine((value) => Number.isSafeInteger(value) && value >= 0, { error: 'must be a whole number from 0' })
  .nullish();
const wordOf = <const W extends string>(words: readonly W[]) =>
  z.enum(words, { error: `must be one of ${words.join(', ')}` }).nullish();

/** Fields of `/catalogue/find` that narrow, order and page the answer; null counts as absent. */
export const CatalogueRequest = z.object(
  {
    recordingId: optionalText,
    mediaSessionId: optionalText,
    streamName: optionalText,
    fileName: optionalText,
    from: time,
    to: time,
    state: wordOf(['recording', 'done']),
    fileState: wordOf(FILE_STATES),
    hookState: wordOf(HOOK_STATES),
    sort: wordOf(CATALOGUE_SORTS),
    order: wordOf(['asc', 'desc']),
    offset: wholeFrom0,
    limit: wholeFrom1(1000),
  },
  bodyError,
);

/** Names a recording and which of its files are told. */
export const RecordingRequest = z.object(
  { recordingId: requiredText, offset: wholeFrom0, limit: wholeFrom1(1000) },
  bodyError,
);

const partIndex = wholeFrom1(Number.MAX_SAFE_INTEGER);

/** Names a recording, or one file of it. */
export const PartsRequest = z.object({ recordingId: requiredText, partIndex }, bodyError);

export const DeleteRequest = z.object(
  { recordingId: requiredText, partIndex, force: flag.nullish() },
  bodyError,
);

export const ImportRequest = z.object(
  {
    fileName: optionalText.describe('Pattern for the whole name, with * and ?; all without it.'),
    dryRun: flag.nullish().describe('Only says what would be imported.'),
  },
  bodyError,
);

const fromQuery = z.string({
  error: (issue) => (issue.input === undefined ? 'is required' : 'must be given once'),
});
const queryText = fromQuery.min(1, 'must not be empty');

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

/** Parameters of `/catalogue/export`. */
export const ExportRequest = z
  .object({ recordingId: queryText.nullish(), streamName: queryText.nullish(), from: time, to: time })
  .refine(
    ({ recordingId, ...range }) =>
      isGiven(recordingId) || ['streamName', 'from', 'to'].every((key) => isGiven(Reflect.get(range, key))),
    {
      error: 'recordingId, or streamName with from and to, is required',
    },
  );

/** Parameters of `/catalogue/playlist.m3u8`. */
export const PlaylistRequest = z.object({ recordingId: queryText });

/** Parameters of `/catalogue/segment.ts` and `/catalogue/picture`: one file. */
export const FileRequest = z.object({
  recordingId: queryText,
  partIndex: queryText.regex(/^[1-9]\d{0,14}$/, 'must be a whole number from 1').transform(Number),
});

/** Fields of `/reports/find` that narrow the answer, and its length; null counts as absent. */
export const ReportRequest = z.object(
  {
    recordingId: optionalText,
    partIndex: wholeFrom1(Number.MAX_SAFE_INTEGER),
    mediaSessionId: optionalText,
    fileName: optionalText,
    limit: wholeFrom1(MAX_REPORTS),
  },
  bodyError,
);

/** `/stream/startRecording` and `/recorder/startup`: each takes the other's fields too. */
export const StartRequest = z.object(
  {
    mediaSessionId: requiredText.describe('The stream, from /stream/find.'),
    fileName: optionalText.describe('Fixed name, with or without extension.'),
    force: flag.nullish().describe('Replace an existing file of that name.'),
    config: z
      .looseObject(
        {
          fileTemplate: optionalText.describe("Name template instead of the server's."),
          rotation: rotation
            .nullish()
            .describe('Seconds per part, or megabytes as in 20M; 0 or false: one file.'),
        },
        { error: 'must be an object' },
      )
      .nullish(),
  },
  bodyError,
);

/** @throws RecorderdError BAD_REQUEST naming every wrong field and the reason. */
export function parseRequest<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new RecorderdError('BAD_REQUEST', problems.join('; '));
}
