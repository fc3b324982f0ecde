import { constants } from 'node:fs';
import { copyFile, open, rm, stat } from 'node:fs/promises';
import { finaliseMatroska } from '../media/matroska/finalise.ts';
import { MatroskaError } from '../media/matroska/matroskaError.ts';
import { Mp4Error } from '../media/mp4/boxes.ts';
import { finaliseMp4 } from '../media/mp4/finalise.ts';
import { hasCode } from '../util/errorCode.ts';
import { reasonOf, worst } from './output.ts';
import type { Output, Verdict } from './output.ts';

type Container = 'mp4' | 'matroska' | 'ts';

const HEAD_BYTES = 12;
const EBML = 0x1a45dfa3;
const TS_SYNC = 0x47;

/** What to say of the reasons of both finalisers. */
const WHY: Readonly<Record<Mp4Error['code'] | MatroskaError['code'], string>> = {
  'nothing-to-save': 'it holds no whole packet',
  'not-fragmented-mp4':
    'its index (moov) was to be written at its end and never was, and without it nothing says where a picture ' +
    'begins, how it is coded or when it is shown; a tool that guesses these from a whole file of the same encoder ' +
    '(untrunc) may save some of it',
  'not-matroska': 'it is no WebM or MKV',
  corrupt: 'its structure contradicts itself',
};

/**
 * Finishes files whose writer did not: a fragmented MP4 becomes a plain one, WebM and MKV get their length and index.
 * In place, safe at every byte, media is not moved; with `copy` (one file) in a copy of that name, which must not be
 * there yet. A file that needs nothing stays as it is.
 * @returns `missing` for a file that is not there, `bad` for one that cannot be repaired, which stays as it is.
 */
export async function repair(
  files: readonly string[],
  copy: string | undefined,
  { out }: Output,
): Promise<Verdict> {
  const verdicts: Verdict[] = [];
  for (const file of files) {
    const [verdict, told] = await repairOne(file, copy);
    out(`${file}: ${told}`);
    verdicts.push(verdict);
  }
  return worst(verdicts);
}

async function repairOne(file: string, copy: string | undefined): Promise<[Verdict, string]> {
  try {
    const container = await containerOf(file);
    if (container === undefined) return ['bad', 'is neither MP4 nor WebM, MKV or TS'];
    if (container === 'ts') return ['ok', 'needs nothing: TS has no index'];
    if (copy === undefined) return ['ok', await finish(file, container)];
    await copyFile(file, copy, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    const told = await finish(copy, container).catch(async (error: unknown) => {
      await rm(copy, { force: true });
      throw error;
    });
    return ['ok', `${told}: ${copy}`];
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return ['missing', 'no such file'];
    const isUnmendable = error instanceof Mp4Error || error instanceof MatroskaError;
    if (!isUnmendable) return ['failed', `cannot be repaired now: ${reasonOf(error)}`];
    return ['bad', `CANNOT be repaired: ${WHY[error.code]} (${error.message})`];
  }
}

async function finish(file: string, container: 'mp4' | 'matroska'): Promise<string> {
  const before = await stat(file);
  const { durationMs, bytes, truncatedBytes } =
    container === 'mp4' ? await finaliseMp4(file) : await finaliseMatroska(file);
  const after = await stat(file);
  if (after.mtimeMs === before.mtimeMs && after.size === before.size) return 'needs nothing: it is whole';
  const lost = truncatedBytes === 0 ? '' : `, ${truncatedBytes} bytes at its end were no whole packets`;
  return `repaired: ${(durationMs / 1000).toFixed(1)} s, ${bytes} bytes${lost}`;
}

/** By its first bytes: names say what a file was meant to be. */
async function containerOf(file: string): Promise<Container | undefined> {
  const handle = await open(file, 'r');
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    await handle.read(head, 0, HEAD_BYTES, 0);
    if (head.readUInt32BE() === EBML) return 'matroska';
    if (['ftyp', 'moov', 'mdat', 'styp'].includes(head.toString('latin1', 4, 8))) return 'mp4';
    return head[0] === TS_SYNC ? 'ts' : undefined;
  } finally {
    await handle.close();
  }
}
