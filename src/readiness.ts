import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { ReadyCheck } from './http/services.ts';
import type { DiskState } from './recorder/diskSpace.ts';

/** What `/readyz` answers from. */
export interface Readiness {
  readonly isDraining: boolean;
  readonly recordsDir: string;
  readonly disk: DiskState;
}

/** The named conditions under which new streams are accepted and recorded. */
export async function readyChecks({
  isDraining,
  recordsDir,
  disk,
}: Readiness): Promise<readonly ReadyCheck[]> {
  const canWrite = await access(recordsDir, constants.W_OK).then(
    () => true,
    () => false,
  );
  return [
    { name: 'accepting', ok: !isDraining, ...(isDraining && { reason: 'the server is shutting down' }) },
    {
      name: 'record_dir',
      ok: canWrite,
      ...(!canWrite && { reason: 'the records folder cannot be written' }),
    },
    { name: 'disk', ok: disk !== 'full', ...DISK_REASONS[disk] },
  ];
}

const DISK_REASONS: Readonly<Record<DiskState, { readonly reason?: string }>> = {
  ok: {},
  low: { reason: 'the disk is low on free space' },
  full: { reason: 'the disk is full: nothing is recorded' },
};
