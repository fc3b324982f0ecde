import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** Where files are synced thousands of times, which a busy disk makes minutes of: in memory, where there is such a place. */
export const MEMORY_DIR = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
