import { randomUUID } from 'node:crypto';
import { open, opendir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { CatalogueFile, ImportedFiles, PassedOverFile } from '../domain/catalogue.ts';
import { WCS_CODEC_NAMES } from '../domain/codec.ts';
import { RecorderdError } from '../domain/errors.ts';
import { partOfReport } from '../domain/integrityReport.ts';
import type { IntegrityReport } from '../domain/integrityReport.ts';
import type { Logger } from '../domain/log.ts';
import type { FileFacts } from '../domain/media.ts';
import type { NameSettings } from '../domain/names.ts';
import { readName } from '../domain/readName.ts';
import { readFileFacts } from '../media/fileFacts.ts';
import { matchesGlob } from '../util/glob.ts';
import type { Catalogue } from './catalogue.ts';
import { fileOf } from './catalogueFile.ts';

/** Finds the report of a file, by its absolute path. */
interface FileReports {
  ofFile(file: string, bytes: number): Promise<IntegrityReport | undefined>;
}

export interface ImportDeps {
  readonly catalogue: Catalogue;
  /** Absolute path of the records folder. */
  readonly recordsDir: string;
  /** Makes what is used for one import. */
  readonly reports: () => FileReports;
  /** Settings that the names of the files may have been made by. */
  readonly names: () => NameSettings;
  readonly log: Logger;
}

const CONTAINERS: ReadonlySet<string> = new Set(['mp4', 'webm', 'mkv', 'ts']);
/** Whoever still writes to a file does so within this time, milliseconds. */
const AT_REST_MS = 10_000;
/** Files of an answer, of each kind; all are counted. */
const MAX_LISTED = 1000;

/** A file that may be imported, or why it may not. */
type Found = { readonly file: CatalogueFile } | { readonly reason: string };

/** Takes files of the records folder into the catalogue that it does not know, and changes none of them. */
export class Imports {
  readonly #deps: ImportDeps;
  #running: Promise<ImportedFiles> | undefined;
  #isClosed = false;

  constructor(deps: ImportDeps) {
    this.#deps = deps;
  }

  /**
   * Imports every file at rest of a container of ours. Those that are known already are not even counted, so that an
   * import may be repeated, and goes on where another one was ended.
   * @param pattern for the whole name.
   * @param isDry only says what it would do.
   * @throws RecorderdError LIMIT_REACHED while another import runs.
   */
  async run(pattern: string, isDry: boolean): Promise<ImportedFiles> {
    if (this.#running !== undefined) throw new RecorderdError('LIMIT_REACHED', 'another import is under way');
    this.#running = this.#run(pattern, isDry).finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** Ends an import after the file it is at. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running?.catch(() => undefined);
  }

  async #run(pattern: string, isDry: boolean): Promise<ImportedFiles> {
    const reports = this.#deps.reports();
    const files: CatalogueFile[] = [];
    const passedOver: PassedOverFile[] = [];
    let [imported, bytes, passedOverTotal] = [0, 0, 0];
    for (const fileName of await this.#unknown(pattern)) {
      if (this.#isClosed) break;
      const found = await this.#take(fileName, reports, isDry ? imported : undefined);
      if ('reason' in found) {
        if (++passedOverTotal <= MAX_LISTED) passedOver.push({ fileName, ...found });
        continue;
      }
      if (++imported <= MAX_LISTED) files.push(found.file);
      bytes += found.file.bytes;
    }
    if (!isDry && imported > 0)
      this.#deps.log.info('files are imported', { files: imported, bytes, passedOver: passedOverTotal });
    return { dryRun: isDry, imported, bytes, files, passedOverTotal, passedOver };
  }

  /** @param wouldBe files that a dry run has found before; undefined for one that is not dry. */
  async #take(fileName: string, reports: FileReports, wouldBe: number | undefined): Promise<Found> {
    const { catalogue, recordsDir } = this.#deps;
    const found = await this.#find(join(recordsDir, fileName), fileName, reports);
    if ('reason' in found) return found;
    if (catalogue.room <= (wouldBe ?? 0)) return { reason: 'catalogue_max_files are known' };
    const isTaken = wouldBe !== undefined || (await catalogue.takeIn(found.file));
    return isTaken ? found : { reason: 'it is known by now' };
  }

  /** Visible names of files that may be recordings, in order. */
  async #unknown(pattern: string): Promise<readonly string[]> {
    const { catalogue, recordsDir } = this.#deps;
    const names: string[] = [];
    for await (const entry of await opendir(recordsDir)) {
      const { name } = entry;
      const isMeant = entry.isFile() && !name.startsWith('.') && CONTAINERS.has(extname(name).slice(1));
      if (isMeant && !catalogue.knows(name) && matchesGlob(pattern, name)) names.push(name);
    }
    return names.sort();
  }

  async #find(path: string, fileName: string, reports: FileReports): Promise<Found> {
    try {
      const { size, mtimeMs } = await stat(path);
      if (size === 0) return { reason: 'it is empty' };
      if (Date.now() - mtimeMs < AT_REST_MS) return { reason: 'it was written to a moment ago' };
      const report = await reports.ofFile(path, size);
      if (report?.fileName === fileName && report.bytes === size) return this.#reported(report, path);
      return await this.#unreported(path, fileName, { size, endedAt: Math.round(mtimeMs) });
    } catch (error) {
      return { reason: error instanceof Error ? error.message : String(error) };
    }
  }

  #reported(report: IntegrityReport, path: string): Found {
    const { catalogue } = this.#deps;
    if (catalogue.isUnfinished(report.recordingId)) return { reason: 'its recording is not finished' };
    const known = catalogue.file(report);
    if (known !== undefined) return { reason: `its part of the recording is known as ${known.fileName}` };
    return { file: fileOf(partOfReport(report, path), report, 'none') };
  }

  async #unreported(
    path: string,
    fileName: string,
    { size, endedAt }: { readonly size: number; readonly endedAt: number },
  ): Promise<Found> {
    const container = extname(fileName).slice(1);
    const facts = await factsOf(path, container);
    if (facts === undefined) return { reason: 'its writer did not finish it, see `recorderd repair`' };
    const base = fileName.slice(0, -container.length - 1);
    const { streamName = base, mediaSessionId = '' } = readName(fileName, this.#deps.names());
    return {
      file: {
        ...{ recordingId: randomUUID(), partIndex: 1, last: true, mediaSessionId, sessionId: '', streamName },
        ...{ mediaProvider: null, fileName, container, bytes: size, endedAt },
        ...{ videoCodec: nameOf(facts.videoCodec), audioCodec: nameOf(facts.audioCodec) },
        ...{ startedAt: endedAt - facts.durationMs, durationMs: facts.durationMs },
        ...{ stopReason: 'unknown', incidents: 0, lostMs: null, fileState: 'present', hookState: 'none' },
      },
    };
  }
}

/** TS has nothing that tells: no duration, no codecs. */
async function factsOf(path: string, container: string): Promise<FileFacts | undefined> {
  if (container === 'ts') return { durationMs: 0, videoCodec: null, audioCodec: null };
  const handle = await open(path, 'r');
  try {
    return await readFileFacts(handle, container as 'mp4' | 'webm' | 'mkv');
  } finally {
    await handle.close();
  }
}

function nameOf(codec: string | null): string | null {
  if (codec === null) return null;
  return Object.hasOwn(WCS_CODEC_NAMES, codec)
    ? WCS_CODEC_NAMES[codec as keyof typeof WCS_CODEC_NAMES]
    : codec;
}
