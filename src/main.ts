#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { App } from './app.ts';
import {
  checkOutcome,
  EXIT,
  helpOutcome,
  parseCommandLine,
  printOutcome,
  readSettings,
  usageOutcome,
  versionOutcome,
} from './cli.ts';
import type { CommandOptions, Outcome } from './cli.ts';
import { reloadSettings } from './config/reload.ts';
import type { Effective } from './config/reload.ts';
import { runFileCommand } from './fileCommands.ts';
import { UnavailableError } from './listening.ts';
import { createLog } from './ops/log.ts';
import type { Log } from './ops/log.ts';

const PACKAGE_DIR = resolve(import.meta.dirname, '..');
/**
 * Media counts for V8 as external memory beside a heap of some 20 MB, and would make it collect all of that every
 * second. With five times the heap between two collections they are rare, for at most 100 MB.
 */
const HEAP_GROWING_PERCENT = 400;

function version(): string {
  const { version: found } = JSON.parse(readFileSync(resolve(PACKAGE_DIR, 'package.json'), 'utf8')) as {
    version: string;
  };
  return found;
}

/** Runs a command that answers and ends. */
function answer({ code, stdout, stderr }: Outcome): void {
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = code;
}

/** Runs the server until a signal; the exit code is set, and the process ends when everything is closed. */
async function serve(options: CommandOptions): Promise<void> {
  const loaded = readSettings(options, { cwd: process.cwd(), env: process.env });
  if (!loaded.result.ok) {
    answer(checkOutcome(loaded));
    return;
  }
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
  const { settings, warnings } = loaded.result;
  const log = createLog({ level: settings.log_level, format: settings.log_format });
  for (const warning of warnings) log.log.warn(warning);
  const config = loaded.configPath ?? 'none: the defaults are in force';
  log.log.info('starting', { version: version(), pid: process.pid, home: loaded.home, config });
  const app = new App(settings, { home: loaded.home, packageDir: PACKAGE_DIR, env: process.env }, log.log);
  stopOnSignal(app, log);
  const started = app.start();
  reloadOnSignal(app, log, { options, effective: loaded.result, started });
  try {
    await started;
  } catch (error) {
    const isExpected = error instanceof UnavailableError;
    log.log.error(isExpected ? error.message : 'start failed', isExpected ? {} : { err: error });
    await app.stop();
    await end(log, isExpected ? EXIT.UNAVAILABLE : EXIT.FAILED);
  }
}

/** The first SIGTERM or SIGINT stops in order; the second one ends the process at once. */
function stopOnSignal(app: App, log: Log): void {
  let isStopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (isStopping) process.exit(EXIT.FAILED);
    isStopping = true;
    log.log.info('stopping', { signal });
    app
      .stop()
      .then((isComplete) => end(log, isComplete ? EXIT.OK : EXIT.FAILED))
      .catch((error: unknown) => {
        log.log.error('stop failed', { err: error });
        return end(log, EXIT.FAILED);
      });
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

/** What a reload compares with, and waits for. */
interface AtStart {
  readonly options: CommandOptions;
  readonly effective: Effective;
  readonly started: Promise<void>;
}

/** SIGHUP reads settings and certificate again, one time after the other. Settings that are wrong change nothing. */
function reloadOnSignal(app: App, { log, setLevel }: Log, atStart: AtStart): void {
  let { effective } = atStart;
  const reload = async (): Promise<void> => {
    const { result } = readSettings(atStart.options, { cwd: process.cwd(), env: process.env });
    for (const warning of result.warnings) log.warn(warning);
    if (result.ok) {
      const { applied, needRestart, ...next } = reloadSettings(effective, result);
      ({ effective } = next);
      setLevel(effective.settings.log_level);
      await app.use(effective.settings);
      log.info('settings are read again', { applied });
      if (needRestart.length > 0) log.warn('settings that changed need a restart', { keys: needRestart });
    } else log.error('settings are wrong, the old ones stay', { problems: result.problems });
    await app.renewCertificate();
  };
  // Whoever waits for the start is told that it failed.
  let last = atStart.started.catch(() => undefined);
  process.on('SIGHUP', () => {
    last = last.then(reload).catch((err: unknown) => log.error('reload failed', { err }));
  });
}

async function end(log: Log, code: number): Promise<void> {
  log.log.info('stopped', { exitCode: code });
  await log.close();
  // Everything was told to close; a straggling handle must not keep the process.
  process.exit(code);
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
    await serve(command.options);
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
