import { writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import type { Logger } from '../domain/log.ts';
import type { FinishedPart } from '../domain/recording.ts';
import { endGroup } from '../process/runProgram.ts';

/** Notes which process runs a script. Not synced: it outlives this process, and no machine. */
export function noteScript(pidFile: string, pid: number, log: Logger): void {
  try {
    writeFileSync(pidFile, `${pid}\n`, { mode: 0o640 });
  } catch (err) {
    log.warn('record hook process cannot be noted', { pidFile, err });
  }
}

/**
 * Ends the script that a killed server left running for a part, with its process group, as the end of a server does.
 * @param graceMs time between SIGTERM and SIGKILL.
 */
export async function endLeftScript(
  pidFile: string,
  { recordingId, path }: FinishedPart,
  graceMs: number,
  log: Logger,
): Promise<void> {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => 0));
  if (!(pid > 1)) return;
  // The number may belong to somebody else by now.
  const environment = (await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')).split('\0');
  if (environment.includes(`RECORD_ID=${recordingId}`) && environment.includes(`RECORD_FILE=${path}`)) {
    log.warn('record hook of an earlier process still runs and is ended', { pid, file: path });
    await endGroup(pid, graceMs);
  }
  await rm(pidFile, { force: true });
}
