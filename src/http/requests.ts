import * as z from 'zod';
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
