import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A real hook script that notes its arguments; `calls` reads them back, one list for each run. */
export function hookInto(): { readonly script: string; readonly calls: () => string[][] } {
  const folder = mkdtempSync(join(tmpdir(), 'recorderd-hook-'));
  const log = join(folder, 'calls');
  const script = join(folder, 'hook.sh');
  // Each argument ends with a NUL, each run with one more: names may hold anything else.
  writeFileSync(script, `#!/bin/bash\nprintf '%s\\0' "$@" '' >> '${log}'\n`, { mode: 0o755 });
  const calls = (): string[][] => {
    if (!existsSync(log)) return [];
    const runs: string[][] = [[]];
    for (const field of readFileSync(log, 'utf8').split('\0').slice(0, -1)) {
      if (field === '') runs.push([]);
      else runs.at(-1)!.push(field);
    }
    return runs.slice(0, -1);
  };
  return { script, calls };
}
