/** A limit of free space: the smaller one of those that are given. Without any it is never reached. */
export interface FreeSpaceLimit {
  readonly bytes?: number;
  /** Of the whole disk. */
  readonly percent?: number;
}

/** Room on a disk, bytes; infinite where the file system does not tell. */
export interface DiskRoom {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

const UNIT_BYTES: Readonly<Record<string, number>> = {
  '': 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
};

/** What {@link parseFreeSpaceLimit} takes, for messages and documentation. */
export const FREE_SPACE_ALLOWED =
  'a size such as 256M (bytes, or with K, M, G or T; 1M = 1048576 bytes), a percentage of the disk such as 5%, ' +
  'or both as in 1%,256M, of which the smaller counts; 0 or empty for none';

/** Reads `disk_warn_free` and `disk_stop_free`. @throws RangeError saying what is allowed. */
export function parseFreeSpaceLimit(text: string): FreeSpaceLimit {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed === '0') return {};
  let limit: FreeSpaceLimit = {};
  for (const word of trimmed.split(',').map((each) => each.trim())) {
    const one = percentage(word) ?? size(word);
    if (one === undefined || Object.keys(one).some((key) => key in limit)) {
      throw new RangeError(`a limit of free space is ${FREE_SPACE_ALLOWED}`);
    }
    limit = { ...limit, ...one };
  }
  return limit;
}

/** The limit in bytes on a disk of `totalBytes`; 0 where there is none. */
export function limitOn(totalBytes: number, { bytes, percent }: FreeSpaceLimit): number {
  if (bytes === undefined && percent === undefined) return 0;
  return Math.min(bytes ?? Infinity, ((percent ?? Infinity) / 100) * totalBytes);
}

function percentage(word: string): FreeSpaceLimit | undefined {
  const percent = Number(/^(\d{1,2}(?:\.\d{1,3})?)%$/.exec(word)?.[1] ?? Number.NaN);
  return percent > 0 ? { percent } : undefined;
}

function size(word: string): FreeSpaceLimit | undefined {
  const match = /^(\d{1,12})([KMGT]?)$/i.exec(word);
  const bytes = Number(match?.[1] ?? 0) * (UNIT_BYTES[match?.[2]?.toUpperCase() ?? ''] ?? 0);
  return bytes > 0 && Number.isSafeInteger(bytes) ? { bytes } : undefined;
}
