import { resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { App } from './app.ts';
import { checkOutcome, EXIT, readSettings } from './cli.ts';
import type { CommandOptions, LoadedSettings } from './cli.ts';
import { reloadSettings } from './config/reload.ts';
import type { Effective } from './config/reload.ts';
import { HEAP_GROWING_PERCENT } from './heap.ts';
import { UnavailableError } from './listening.ts';
import { createLog } from './ops/log.ts';
import type { Log } from './ops/log.ts';
import { ServiceManager } from './ops/serviceManager.ts';
import type { AppEnvironment } from './openRecorder.ts';

const PACKAGE_DIR = resolve(import.meta.dirname, '..');
/** What a stop takes beyond `shutdown_timeout`: last answers, the last hook, the log. */
const STOP_MARGIN_MS = 15_000;

/**
 * Runs the server until a signal. Wrong settings are told, and nothing is started. The process ends by itself when
 * everything is closed.
 */
export async function serve(options: CommandOptions, version: string): Promise<void> {
  const loaded = readAll(options);
  if (!loaded.result.ok) {
    const { code, stderr } = checkOutcome(loaded);
    process.stderr.write(stderr);
    process.exitCode = code;
    return;
  }
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
  const place = { home: loaded.home, packageDir: PACKAGE_DIR, version, env: process.env };
  const service = new Service(place, loaded.result, () => readAll(options).result);
  await service.run(loaded.configPath ?? 'none: the defaults are in force');
}

const readAll = (options: CommandOptions): LoadedSettings =>
  readSettings(options, { cwd: process.cwd(), env: process.env });

/** The server as a process: signals, log, exit code, and what systemd is told. */
class Service {
  readonly #app: App;
  readonly #log: Log;
  readonly #manager: ServiceManager;
  readonly #place: AppEnvironment;
  readonly #readSettings: () => LoadedSettings['result'];
  #effective: Effective;
  #isStopping = false;

  /** @param readAgain what the settings are by now. */
  constructor(place: AppEnvironment, effective: Effective, readAgain: () => LoadedSettings['result']) {
    const { settings } = effective;
    this.#place = place;
    this.#effective = effective;
    this.#readSettings = readAgain;
    this.#log = createLog({ level: settings.log_level, format: settings.log_format });
    const { log } = this.#log;
    this.#app = new App(settings, place, log);
    this.#manager = new ServiceManager(process.env, log.child({ component: 'systemd' }));
  }

  /** Starts everything; resolves when it is up, or could not be started and the process is about to end. */
  async run(config: string): Promise<void> {
    const { log } = this.#log;
    for (const warning of this.#effective.warnings) log.warn(warning);
    const { version, home } = this.#place;
    log.info('starting', { version, pid: process.pid, home, config });
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.#onStop(signal));
    const started = this.#app.start();
    // Whoever waits for the start is told that it failed.
    let last = started.catch(() => undefined);
    process.on('SIGHUP', () => {
      last = last.then(() => this.#reload()).catch((err: unknown) => log.error('reload failed', { err }));
    });
    try {
      await started;
      this.#manager.ready(() => this.#app.reachDisk());
    } catch (error) {
      const isExpected = error instanceof UnavailableError;
      log.error(isExpected ? error.message : 'start failed', isExpected ? {} : { err: error });
      await this.#app.stop();
      await this.#end(isExpected ? EXIT.UNAVAILABLE : EXIT.FAILED);
    }
  }

  /** The first signal stops in order; the second one ends the process at once. */
  #onStop(signal: NodeJS.Signals): void {
    if (this.#isStopping) process.exit(EXIT.FAILED);
    this.#isStopping = true;
    const { log } = this.#log;
    log.info('stopping', { signal });
    this.#manager.stopping(this.#effective.settings.shutdown_timeout * 1000 + STOP_MARGIN_MS);
    this.#app
      .stop()
      .then((isComplete) => this.#end(isComplete ? EXIT.OK : EXIT.FAILED))
      .catch((error: unknown) => {
        log.error('stop failed', { err: error });
        return this.#end(EXIT.FAILED);
      });
  }

  /** Reads settings and certificate again. Settings that are wrong change nothing. */
  async #reload(): Promise<void> {
    if (this.#isStopping) return;
    this.#manager.reloading();
    const result = this.#readSettings();
    const { log, setLevel } = this.#log;
    for (const warning of result.warnings) log.warn(warning);
    if (result.ok) {
      const { effective, applied, needRestart } = reloadSettings(this.#effective, result);
      this.#effective = effective;
      setLevel(effective.settings.log_level);
      await this.#app.use(effective.settings);
      log.info('settings are read again', { applied });
      if (needRestart.length > 0) log.warn('settings that changed need a restart', { keys: needRestart });
    } else log.error('settings are wrong, the old ones stay', { problems: result.problems });
    await this.#app.renewCertificate();
    this.#manager.reloaded();
  }

  async #end(code: number): Promise<void> {
    await this.#manager.close();
    this.#log.log.info('stopped', { exitCode: code });
    await this.#log.close();
    // Everything was told to close; a straggling handle must not keep the process.
    process.exit(code);
  }
}
