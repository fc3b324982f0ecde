import type { Logger } from '../domain/log.ts';
import { runProgram } from '../process/runProgram.ts';
import { within } from '../util/within.ts';

/** What the service manager gives a service (sd_notify(3), sd_watchdog_enabled(3)). */
type Environment = Readonly<Record<string, string | undefined>>;

/** Node cannot write to a datagram socket of the file system: systemd's own program does, in 10 ms. */
const PROGRAM = 'systemd-notify';
const NOTIFY_TIMEOUT_MS = 5000;
const MAX_OUTPUT_BYTES = 1000;
/** A sign of life is given this often within the time that systemd allows. */
const SIGNS = 3;
const US = 1000;

/** Tells systemd how the service is; without systemd it does nothing. Messages follow one another. Never throws. */
export class ServiceManager {
  readonly #environment: Environment;
  readonly #log: Logger;
  readonly #isPresent: boolean;
  #last: Promise<unknown> = Promise.resolve();
  #watchdog: NodeJS.Timeout | undefined;
  #isUnheard = false;

  constructor(environment: Environment, log: Logger) {
    this.#environment = environment;
    this.#log = log;
    this.#isPresent = (environment['NOTIFY_SOCKET'] ?? '') !== '';
  }

  /**
   * The service is up. If systemd watches it, it gets signs of life from now on, as long as `isWell` answers in time:
   * that the timer comes shows that the event loop turns.
   */
  ready(isWell: () => Promise<unknown>): void {
    this.#tell('READY=1');
    const everyMs = this.#watchdogMs() / SIGNS;
    if (!this.#isPresent || !(everyMs > 0)) return;
    this.#watchdog = setInterval(() => void this.#giveSign(isWell, everyMs), everyMs);
    this.#watchdog.unref();
  }

  reloading(): void {
    this.#tell('RELOADING=1');
  }

  reloaded(): void {
    this.#tell('READY=1');
  }

  /** The service ends within `timeoutMs`, whatever the unit allows. Signs of life go on. */
  stopping(timeoutMs: number): void {
    this.#tell('STOPPING=1', `EXTEND_TIMEOUT_USEC=${timeoutMs * US}`);
  }

  /** Resolves when what was said has been heard, or not in time. */
  async close(): Promise<void> {
    clearInterval(this.#watchdog);
    await this.#last;
  }

  /** Time that systemd allows between two signs of life, milliseconds; NaN when it does not watch this process. */
  #watchdogMs(): number {
    const { WATCHDOG_USEC: time, WATCHDOG_PID: pid = String(process.pid) } = this.#environment;
    return pid === String(process.pid) ? Number(time) / US : Number.NaN;
  }

  async #giveSign(isWell: () => Promise<unknown>, withinMs: number): Promise<void> {
    const answer = isWell().then(
      () => true,
      () => true,
    );
    if ((await within(answer, withinMs)) === true) this.#tell('WATCHDOG=1');
    else this.#log.error('the disk does not answer, systemd gets no sign of life');
  }

  #tell(...assignments: readonly string[]): void {
    if (!this.#isPresent) return;
    this.#last = this.#last.then(() => this.#run(assignments));
  }

  async #run(assignments: readonly string[]): Promise<void> {
    const { NOTIFY_SOCKET = '', PATH = '/usr/bin:/bin' } = this.#environment;
    const { exitCode, output, failure } = await runProgram({
      file: PROGRAM,
      args: assignments,
      cwd: '/',
      env: { NOTIFY_SOCKET, PATH },
      timeoutMs: NOTIFY_TIMEOUT_MS,
      killGraceMs: 0,
      maxOutputBytes: MAX_OUTPUT_BYTES,
    });
    if (exitCode !== 0 && !this.#isUnheard)
      this.#log.error('systemd cannot be told', {
        message: assignments.join(' '),
        reason: failure ?? output,
      });
    this.#isUnheard = exitCode !== 0;
  }
}
