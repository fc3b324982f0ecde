import { join } from 'node:path';
import type { CatalogueFile } from '../domain/catalogue.ts';
import { CatalogueRows, readLine } from './catalogueRows.ts';
import { readLines } from './lineLog.ts';

/** Where the catalogue of a records folder is kept. */
export function catalogueLog(recordsDir: string): string {
  return join(recordsDir, '.catalogue', 'files.jsonl');
}

/**
 * The files as the catalogue of a records folder has noted them, for who only looks, whether a server runs or not. None
 * without a catalogue. @throws Error when it cannot be read.
 */
export async function keptFiles(recordsDir: string): Promise<readonly CatalogueFile[]> {
  const rows = new CatalogueRows();
  await readLines(catalogueLog(recordsDir), (value) => {
    const line = readLine(value);
    if (line !== undefined) rows.apply(line);
  });
  return [...rows.all()];
}
