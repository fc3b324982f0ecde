import { resolve } from 'node:path';
import { checkOutcome, EXIT, readSettings } from './cli.ts';
import type { FileCommand } from './cli.ts';
import { list } from './commands/list.ts';
import type { Output, Verdict } from './commands/output.ts';
import { repair } from './commands/repair.ts';
import { runHook } from './commands/runHook.ts';
import { verify } from './commands/verify.ts';
import type { Settings } from './config/settings.ts';
import { createLog } from './ops/log.ts';
import { hookOptions } from './wiring.ts';

const CODES: Readonly<Record<Verdict, number>> = {
  ok: EXIT.OK,
  missing: EXIT.NO_FILE,
  bad: EXIT.BAD_FILE,
  failed: EXIT.FAILED,
};

const OUTPUT: Output = {
  out: (line) => void process.stdout.write(`${line}\n`),
};

/** Runs a command that works on finished files. @returns the exit code. */
export async function runFileCommand(command: FileCommand): Promise<number> {
  // What is wrong with a file can be mended whatever the settings say.
  if (command.kind === 'repair') return CODES[await repair(command.files, command.output, OUTPUT)];
  const loaded = readSettings(command.options, { cwd: process.cwd(), env: process.env });
  if (!loaded.result.ok) {
    const { code, stderr } = checkOutcome(loaded);
    process.stderr.write(stderr);
    return code;
  }
  const { home, result } = loaded;
  const recordsDir = resolve(home, result.settings.record_dir);
  if (command.kind === 'list') return CODES[await list(recordsDir, command.json, OUTPUT)];
  if (command.kind === 'verify') return CODES[await verify(command.files, recordsDir, OUTPUT)];
  return CODES[await hook(command.files, { home, recordsDir }, result.settings)];
}

async function hook(
  files: readonly string[],
  { home, recordsDir }: { readonly home: string; readonly recordsDir: string },
  settings: Settings,
): Promise<Verdict> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const script = hookOptions(settings, { home, env: process.env }, recordsDir);
  const { log, close } = createLog({ level: 'info', format: 'text', stream: process.stderr });
  const verdict = await runHook(files, { recordsDir, script, signal: stop.signal, log }, OUTPUT);
  await close();
  return verdict;
}
