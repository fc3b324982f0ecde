import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { LoadResult } from './config/load.ts';
import { loadSettings } from './config/load.ts';
import { nearest } from './config/nearest.ts';
import { renderEffectiveSettings } from './config/render.ts';
import { hasCode } from './util/errorCode.ts';

/** Exit codes of the process; those above 2 are those of sysexits. A hook's exit code is never ours. */
export const EXIT = {
  OK: 0,
  /** Failed while running, or not finished within `shutdown_timeout`. */
  FAILED: 1,
  /** The command line is wrong. */
  USAGE: 2,
  /** A file differs from its integrity report, or cannot be repaired. */
  BAD_FILE: 65,
  /** A file, or its integrity report, is not there. */
  NO_FILE: 66,
  /** Something needed is missing: a port is taken, no FFmpeg, a folder that cannot be written. */
  UNAVAILABLE: 69,
  /** The settings are wrong. */
  CONFIG: 78,
} as const;

/** What tells where the settings are. */
export interface CommandOptions {
  /** `--config`, as it was typed. */
  readonly config: string | undefined;
  /** `--home`, as it was typed. */
  readonly home: string | undefined;
  /** `key=value` of each `--set`. */
  readonly set: readonly string[];
}

/** What a command that works on finished files is given. */
export interface FileCommand {
  readonly kind: 'list' | 'verify' | 'repair' | 'run-hook';
  readonly options: CommandOptions;
  /** As they were typed; at least one, but for `list`, which has none. */
  readonly files: readonly string[];
  /** `--json` of `list`. */
  readonly json: boolean;
  /** `--output` of `repair`. */
  readonly output: string | undefined;
}

/** What the command line asks for. */
export type CommandLine =
  | { readonly kind: 'run' | 'check' | 'print'; readonly options: CommandOptions }
  | FileCommand
  | { readonly kind: 'help' | 'version' }
  | { readonly kind: 'usage-error'; readonly message: string };

/** What a command that runs no server answers. */
export interface Outcome {
  readonly code: (typeof EXIT)[keyof typeof EXIT];
  readonly stdout: string;
  readonly stderr: string;
}

/** The settings and where they were looked for. */
export interface LoadedSettings {
  /** Absolute; relative paths of the settings start here. */
  readonly home: string;
  /** The file that was read; undefined when there is none and the defaults are in force. */
  readonly configPath: string | undefined;
  readonly result: LoadResult;
}

/** What the outside world gives to {@link readSettings}. */
export interface Surroundings {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const HELP = `Usage: recorderd [options]
       recorderd COMMAND [options] [FILE...]

Records live streams: WebRTC, RTMP and RTSP in, finished files out. Without a command it runs the server.

Commands, none of which starts a server:
  check-config        lists everything that is wrong with the settings
  print-config        shows the settings in force and where each comes from
  list [--json]       finished files of the records folder, and how their hooks ended
  verify FILE...      compares files with their integrity reports: size, SHA-256, packets
  repair FILE...      finishes, in place, MP4, WebM and MKV files whose writer did not; --output NEW leaves the
                      file (then one only) as it is and writes NEW
  run-hook FILE...    runs on_record_hook_script once more for finished files
  help, version       as --help and --version

Options:
  --config FILE       settings file; default: conf/flashphoner.properties in the home folder,
                      then /etc/recorderd/flashphoner.properties, then the built-in defaults
  --set KEY=VALUE     sets one key, after file and environment; may be repeated
  --home DIR          folder that relative paths of the settings start from; default: the current one
  --check-config      as the command
  --print-config      as the command
  --help, -h          this text
  --version           the version

Environment: RECORDERD_<KEY> sets a key, e.g. RECORDERD_RTMP_PORT sets rtmp.port.
Signals: SIGTERM and SIGINT stop in order, SIGHUP reads the settings and the certificate again.
Exit codes: 0 clean stop, or all files are well; 1 failed while running, or a hook failed; 2 wrong usage;
65 a file differs or cannot be repaired; 66 a file or its report is missing; 69 something needed is missing;
78 wrong settings.
`;

const OPTIONS = {
  config: { type: 'string' },
  set: { type: 'string', multiple: true },
  home: { type: 'string' },
  json: { type: 'boolean' },
  output: { type: 'string' },
  'check-config': { type: 'boolean' },
  'print-config': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;

interface Command {
  readonly takesFiles?: boolean;
  /** Options that go with it alone. */
  readonly flags?: readonly ('json' | 'output')[];
}

const COMMANDS = new Map<string, Command>([
  ['check-config', {}],
  ['print-config', {}],
  ['list', { flags: ['json'] }],
  ['verify', { takesFiles: true }],
  ['repair', { takesFiles: true, flags: ['output'] }],
  ['run-hook', { takesFiles: true }],
  ['help', {}],
  ['version', {}],
]);

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

/** Reads the arguments after `node main.js`. Never throws. */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
    const [command, ...files] = positionals;
    if (values.help === true || command === 'help') return { kind: 'help' };
    if (values.version === true || command === 'version') return { kind: 'version' };
    const message = mistakeIn(command, files, values);
    return message === undefined ? wanted(command, files, values) : { kind: 'usage-error', message };
  } catch (error) {
    // Node's first sentence names the mistake; the rest is advice about dashes.
    const [message = ''] = (error instanceof Error ? error.message : String(error)).split(/\.\s|\n/);
    return { kind: 'usage-error', message };
  }
}

function wanted(command: string | undefined, files: readonly string[], values: Values): CommandLine {
  const options = { config: values.config, home: values.home, set: values.set ?? [] };
  if (command === 'check-config' || values['check-config'] === true) return { kind: 'check', options };
  if (command === 'print-config' || values['print-config'] === true) return { kind: 'print', options };
  if (command === undefined) return { kind: 'run', options };
  const kind = command as FileCommand['kind'];
  return { kind, options, files, json: values.json === true, output: values.output };
}

/** What is wrong with a command and what came with it. */
function mistakeIn(name: string | undefined, files: readonly string[], values: Values): string | undefined {
  const command = name === undefined ? {} : COMMANDS.get(name);
  if (command !== undefined) return mistakeFor(command, name ?? 'the server', files, values);
  const near = nearest(name ?? '', COMMANDS.keys());
  return `Unknown command '${name ?? ''}'${near === undefined ? '' : `; did you mean ${near}?`}`;
}

function mistakeFor(
  { takesFiles = false, flags = [] }: Command,
  name: string,
  [first, ...more]: readonly string[],
  values: Values,
): string | undefined {
  const foreign = (['json', 'output'] as const).find((flag) => flag in values && !flags.includes(flag));
  if (foreign !== undefined) return `Option '--${foreign}' does not go with ${name}`;
  if (takesFiles && first === undefined) return `${name} needs a file`;
  if (!takesFiles && first !== undefined) return `Unexpected argument '${first}'`;
  return 'output' in values && more.length > 0 ? "Option '--output' goes with one file only" : undefined;
}

/**
 * Finds and reads the settings file, then puts all sources together. `--config` and `--home` are relative to
 * `cwd`. A `--config` that is not there is a problem; without `--config` it is not.
 */
export function readSettings(options: CommandOptions, { cwd, env }: Surroundings): LoadedSettings {
  const home = resolve(cwd, options.home ?? '.');
  const candidates =
    options.config === undefined
      ? [join(home, 'conf/flashphoner.properties'), '/etc/recorderd/flashphoner.properties']
      : [options.config];
  for (const path of candidates) {
    try {
      const text = readFileSync(resolve(cwd, path), 'utf8');
      return {
        home,
        configPath: path,
        result: loadSettings({ file: { path, text }, env, set: options.set }),
      };
    } catch (error) {
      if (options.config === undefined && hasCode(error, 'ENOENT', 'ENOTDIR')) continue;
      const reason = error instanceof Error ? error.message : String(error);
      const rest = loadSettings({ env, set: options.set });
      const problems = [`${path}: cannot be read: ${reason}`, ...(rest.ok ? [] : rest.problems)];
      return { home, configPath: path, result: { ok: false, problems, warnings: rest.warnings } };
    }
  }
  return { home, configPath: undefined, result: loadSettings({ env, set: options.set }) };
}

/** Answer to `--help`. */
export const helpOutcome = (): Outcome => ({ code: EXIT.OK, stdout: HELP, stderr: '' });

/** Answer to `--version`. */
export const versionOutcome = (version: string): Outcome => ({
  code: EXIT.OK,
  stdout: `recorderd ${version}\n`,
  stderr: '',
});

/** Answer to a wrong command line. */
export const usageOutcome = (message: string): Outcome => ({
  code: EXIT.USAGE,
  stdout: '',
  stderr: `recorderd: ${message}\n\n${HELP}`,
});

/** Answer to `--check-config`, and to any start with wrong settings: problems and warnings, one a line. */
export function checkOutcome({ configPath, result }: LoadedSettings): Outcome {
  const warnings = result.warnings.map((warning) => `warning: ${warning}`);
  if (!result.ok) return { code: EXIT.CONFIG, stdout: '', stderr: lines([...result.problems, ...warnings]) };
  const subject = configPath ?? 'no settings file, the defaults';
  return { code: EXIT.OK, stdout: `${subject}: settings are valid\n`, stderr: lines(warnings) };
}

/** Answer to `--print-config`; wrong settings are answered as by {@link checkOutcome}. */
export function printOutcome(loaded: LoadedSettings): Outcome {
  const { code, stderr } = checkOutcome(loaded);
  const stdout = loaded.result.ok ? renderEffectiveSettings(loaded.result) : '';
  return { code, stdout, stderr };
}

const lines = (messages: readonly string[]): string => messages.map((message) => `${message}\n`).join('');
