import { readFile } from 'node:fs/promises';

/** What libjuice asks the kernel for, bytes, for the socket that all publishers share. */
const WANTED_BYTES = 1_048_576;

/**
 * How much less than the wanted receive buffer the kernel grants; undefined where it grants enough, or does not say, as
 * in a container. @param path file with the most it grants (socket(7), rmem_max).
 */
export async function shortReceiveBuffer(
  path = '/proc/sys/net/core/rmem_max',
): Promise<{ readonly grantedBytes: number; readonly wantedBytes: number } | undefined> {
  const text = await readFile(path, 'latin1').catch(() => '');
  const grantedBytes = Number.parseInt(text, 10);
  return grantedBytes < WANTED_BYTES ? { grantedBytes, wantedBytes: WANTED_BYTES } : undefined;
}
