#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  checkOutcome,
  helpOutcome,
  parseCommandLine,
  printOutcome,
  readSettings,
  usageOutcome,
  versionOutcome,
} from './cli.ts';
import type { Outcome } from './cli.ts';
import { runFileCommand } from './fileCommands.ts';
import { serve } from './serve.ts';

function version(): string {
  const { version: found } = JSON.parse(
    readFileSync(resolve(import.meta.dirname, '../package.json'), 'utf8'),
  ) as { version: string };
  return found;
}

/** Runs a command that answers and ends. */
function answer({ code, stdout, stderr }: Outcome): void {
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = code;
}

const command = parseCommandLine(process.argv.slice(2));
switch (command.kind) {
  case 'list':
  case 'verify':
  case 'repair':
  case 'run-hook':
    process.exitCode = await runFileCommand(command);
    break;
  case 'run':
    await serve(command.options, version());
    break;
  case 'check':
    answer(checkOutcome(readSettings(command.options, { cwd: process.cwd(), env: process.env })));
    break;
  case 'print':
    answer(printOutcome(readSettings(command.options, { cwd: process.cwd(), env: process.env })));
    break;
  case 'help':
    answer(helpOutcome());
    break;
  case 'version':
    answer(versionOutcome(version()));
    break;
  case 'usage-error':
    answer(usageOutcome(command.message));
}
