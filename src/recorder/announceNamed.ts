import { stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PartEvidence } from '../domain/integrityReport.ts';
import type { FinishedPart } from '../domain/recording.ts';
import { hasCode } from '../util/errorCode.ts';
import { recoveredEvidence } from './evidence.ts';
import type { JournalNaming, JournalPart, JournalStory, RecordingJournal } from './journal.ts';
import { syncPath } from './publishFile.ts';

/**
 * Announces what the journal of an earlier process says was being named, and not that it was announced: a part whose
 * record is there. It may be announced twice, when the process ended just between the two.
 * @returns these parts, and those whose record is gone again, as the journal tells finished ones.
 */
export async function announceNamed(
  folder: string,
  { recording, runs, parts, namings }: JournalStory,
  journal: RecordingJournal,
  onPart: (part: FinishedPart, evidence: PartEvidence) => Promise<void>,
): Promise<JournalPart[]> {
  const announced = new Set(parts.map(({ file }) => file));
  const newest = new Map(namings.map((naming) => [naming.file, naming]));
  const found: JournalPart[] = [];
  for (const naming of newest.values()) {
    const { file, path, index, last, startedAt, endedAt, durationMs, bytes, stopReason, endTimeMs } = naming;
    const run = runs.find(({ prefix }) => file.startsWith(`${prefix}-`));
    const state = announced.has(file) ? 'unnamed' : await stateOf(join(folder, file), naming);
    if (run === undefined || state === 'unnamed') continue;
    const { recordingId, mediaSessionId, sessionId, streamName, mediaProvider } = recording;
    const { container, videoCodec, audioCodec } = run;
    const ids = { recordingId, mediaSessionId, sessionId, streamName, mediaProvider };
    const told = { path, index, last, startedAt, endedAt, durationMs, bytes, stopReason };
    if (state === 'named')
      await onPart(
        { ...ids, ...told, container, videoCodec, audioCodec },
        recoveredEvidence(run, endedAt, undefined),
      );
    const part = { file, index, endTimeMs, endedAt };
    journal.part(part);
    found.push({ kind: 'part', ...part });
  }
  return found;
}

/** What became of a naming. `taken`: it succeeded, and the record was moved or deleted since. */
async function stateOf(work: string, { path }: JournalNaming): Promise<'named' | 'taken' | 'unnamed'> {
  const [left, record] = [await statOf(work), await statOf(path)];
  if (left !== undefined) {
    // A link and an unlink give the name: the process may have ended between them.
    const isLinked = record?.ino === left.ino && record.dev === left.dev && left.nlink > 1n;
    if (!isLinked) return 'unnamed';
    await unlink(work);
  }
  if (record === undefined) return 'taken';
  await syncPath(dirname(path));
  return 'named';
}

async function statOf(path: string) {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
