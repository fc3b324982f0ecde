import * as z from 'zod';
import { FILE_STATES, HOOK_STATES } from '../../domain/catalogue.ts';
import type {
  CatalogueFile,
  CataloguePage,
  CatalogueRecording,
  ImportedFiles,
} from '../../domain/catalogue.ts';
import { MEDIA_PROVIDERS } from '../../domain/publisher.ts';
import { STOP_REASONS } from '../../domain/recording.ts';
import { RETENTION_REASONS } from '../../domain/retention.ts';

/** As `answers.ts`, of the catalogue. */

const text = z.string();
const count = z.number().int();
const epochMs = z.number().describe('Milliseconds since 1970.');
const fileState = z.enum(FILE_STATES);
const hookState = z.enum(HOOK_STATES);
const lostMs = z.number().nullable().describe('Media that is missing; null when nobody can know.');
const session = {
  ...{ recordingId: text, mediaSessionId: text, sessionId: text, streamName: text },
  mediaProvider: z.enum(MEDIA_PROVIDERS).nullable().describe('Null where an older version recorded it.'),
};
const extent = { startedAt: epochMs, endedAt: epochMs, durationMs: z.number(), bytes: count };

const FileAnswer = z
  .object({
    ...session,
    ...{ partIndex: count, last: z.boolean(), fileName: text, container: text },
    ...{ videoCodec: text.nullable(), audioCodec: text.nullable() },
    ...extent,
    ...{ stopReason: z.enum(STOP_REASONS), incidents: count, lostMs },
    ...{ fileState, hookState },
  })
  .meta({ id: 'CatalogueFile', description: 'A finished file.' }) satisfies z.ZodType<CatalogueFile>;

export const CatalogueRecordingAnswer = z
  .object({
    ...session,
    state: z.enum(['recording', 'done']).describe('Done with its last file.'),
    ...extent,
    stopReason: z.enum(STOP_REASONS).nullable().describe('Of its newest file; null while it is recorded.'),
    ...{ incidents: count, lostMs },
    fileStates: z.partialRecord(fileState, count).describe('How many files are in which state.'),
    hookStates: z.partialRecord(hookState, count),
    partCount: count,
    parts: z.array(FileAnswer).readonly().describe('In order; not all where there are many.'),
  })
  .meta({
    id: 'CatalogueRecording',
    description: 'A recording that has finished files.',
  }) satisfies z.ZodType<CatalogueRecording>;

export const CataloguePageAnswer = z
  .object({
    total: count.describe('All that fit.'),
    offset: count,
    recordings: z.array(CatalogueRecordingAnswer).readonly(),
  })
  .meta({
    id: 'CataloguePage',
    description: 'Recordings of the catalogue.',
  }) satisfies z.ZodType<CataloguePage>;

export const DeletedAnswer = z.object({ deleted: count.describe('Files.') }).meta({ id: 'Deleted' });

export const ImportAnswer = z
  .object({
    dryRun: z.boolean().describe('Nothing is imported.'),
    ...{ imported: count, bytes: count },
    files: z.array(FileAnswer).readonly().describe('The first 1,000 by name.'),
    passedOverTotal: count,
    passedOver: z
      .array(z.object({ fileName: text, reason: text }))
      .readonly()
      .describe('The first 1,000 by name.'),
  })
  .meta({
    id: 'Import',
    description: 'Files that the catalogue did not know.',
  }) satisfies z.ZodType<ImportedFiles>;

export const RetentionAnswer = z
  .object({
    dryRun: z.boolean().describe('Nothing is deleted.'),
    bytes: count,
    files: z.array(
      z.object({
        ...{ recordingId: text, partIndex: count, streamName: text, fileName: text, bytes: count },
        ...{ endedAt: epochMs, hookState, reason: z.enum(RETENTION_REASONS) },
        pattern: text.nullable().describe('Of the rule; null where it is the disk.'),
      }),
    ),
  })
  .meta({ id: 'Retention', description: 'Files that retention deletes.' });
