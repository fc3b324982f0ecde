import type { LogFields, Logger } from '../domain/log.ts';
import { plainFields } from '../ops/logFields.ts';
import type { LogLevel, SupervisorCalls } from './messages.ts';

const RANKS: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 };

/** Where a worker's lines go, and which of them. */
export interface LogSink {
  readonly send: SupervisorCalls['log'];
  /** Lines that matter less are left out. */
  level: LogLevel;
}

/** The log of a worker: the supervisor writes its lines. */
export class ToldLog implements Logger {
  readonly #sink: LogSink;
  readonly #fields: LogFields;

  constructor(sink: LogSink, fields: LogFields = {}) {
    this.#sink = sink;
    this.#fields = fields;
  }

  debug(message: string, fields?: LogFields): void {
    this.#send('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#send('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#send('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#send('error', message, fields);
  }

  child(fields: LogFields): Logger {
    return new ToldLog(this.#sink, { ...this.#fields, ...fields });
  }

  #send(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (RANKS[level] > RANKS[this.#sink.level]) return;
    // Errors and functions do not travel.
    this.#sink.send({ level, message, fields: plainFields({ ...this.#fields, ...fields }) });
  }
}
