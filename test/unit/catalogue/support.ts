import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Catalogue } from '../../../src/catalogue/catalogue.ts';
import type { CatalogueOptions } from '../../../src/catalogue/catalogue.ts';
import type { FileKey } from '../../../src/catalogue/catalogueRows.ts';
import type { CatalogueFile, CatalogueQuery } from '../../../src/domain/catalogue.ts';
import { partKey } from '../../../src/domain/recording.ts';
import type { FinishedPart } from '../../../src/domain/recording.ts';
import { memoryLog } from '../../support/rtmpHarness.ts';
import { part } from '../hooks/support.ts';
import { EVIDENCE } from '../reports/support.ts';

export const HOUR_MS = 3_600_000;

/** Every recording, the newest first. */
export const ALL: CatalogueQuery = { sort: 'startedAt', order: 'desc', offset: 0, limit: 1000 };

/** A file as the catalogue keeps it; `at` is its start. */
export function file(overrides: Partial<CatalogueFile> = {}): CatalogueFile {
  const startedAt = overrides.startedAt ?? 1_000;
  return {
    ...{ recordingId: 'rec', partIndex: 1, last: true, mediaSessionId: 'media', sessionId: 'session' },
    ...{ streamName: 'cam', mediaProvider: 'Flash', fileName: 'cam.mp4', container: 'mp4' },
    ...{ videoCodec: 'H264', audioCodec: 'AAC', bytes: 1_000, startedAt, endedAt: startedAt + 500 },
    ...{ durationMs: 500, stopReason: 'publisher-left', incidents: 0, lostMs: 0 },
    ...{ fileState: 'present', hookState: 'done' },
    ...overrides,
  };
}

/** A records folder with the catalogues that live in it, one after another, and what they ask of others. */
export class CatalogueHome {
  readonly recordsDir = mkdtempSync(join(tmpdir(), 'recorderd-catalogue-'));
  readonly log = memoryLog();
  readonly unfinished = new Set<string>();
  readonly owed = new Map<string, 'pending' | 'running'>();
  changes = 0;
  readonly asked: FinishedPart[] = [];
  readonly forgotten: FileKey[] = [];
  onPictureForgotten: (key: FileKey) => void = () => undefined;
  readonly #open: Catalogue[] = [];

  async catalogue(options: Partial<CatalogueOptions> = {}): Promise<Catalogue> {
    const { recordsDir, log, unfinished, owed } = this;
    const catalogue = new Catalogue(
      { recordsDir, maxFiles: 1_000_000, checkMs: HOUR_MS, hasHook: true, ...options },
      {
        now: () => ({ unfinished, owed }),
        changes: () => this.changes,
        runHook: (each) => Promise.resolve(void this.asked.push(each)),
        forgetReport: (key) => Promise.resolve(void this.forgotten.push(key)),
        forgetPicture: (key) => this.onPictureForgotten(key),
        log,
      },
    );
    await catalogue.open();
    this.#open.push(catalogue);
    return catalogue;
  }

  /** A finished part whose file is there. */
  put(name: string, overrides: Partial<FinishedPart> = {}): FinishedPart {
    const path = join(this.recordsDir, name);
    writeFileSync(path, 'media');
    return part({ recordingId: `rec of ${name}`, index: 1, bytes: 5, path, ...overrides });
  }

  /** Records it, and owes its hook. */
  async take(catalogue: Catalogue, taken: FinishedPart): Promise<void> {
    await catalogue.take(taken, EVIDENCE);
    this.owed.set(partKey(taken.recordingId, taken.index), 'pending');
  }

  /** Ends the hook run of a part as the hooks do. */
  async end(catalogue: Catalogue, ended: FinishedPart, state: 'done' | 'parked' = 'done'): Promise<void> {
    await catalogue.noteHook(ended, state);
    this.owed.delete(partKey(ended.recordingId, ended.index));
  }

  async remove(): Promise<void> {
    await Promise.all(this.#open.map((each) => each.close()));
    rmSync(this.recordsDir, { recursive: true });
  }
}

/** State of each file and of its hook, by name. */
export function states(catalogue: Catalogue): Record<string, string> {
  return Object.fromEntries(
    [...catalogue.files()].map(({ fileName, fileState, hookState }) => [
      fileName,
      `${fileState}, ${hookState}`,
    ]),
  );
}
