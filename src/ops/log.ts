import type { Writable } from 'node:stream';
import { createLogger, format as winstonFormat, transports } from 'winston';
import type { LogFields, Logger } from '../domain/log.ts';
import type { LogLine } from './logFields.ts';
import { renderJson, renderText } from './logText.ts';

type Level = LogLine['level'];

/** How the log is written. */
export interface LogOptions {
  readonly level: Level;
  /** `auto` is text on a terminal and JSON lines elsewhere. */
  readonly format: 'auto' | 'text' | 'json';
  /** Default: standard output. It is never ended here. */
  readonly stream?: Writable & { readonly isTTY?: boolean };
  /** Bytes that may wait for a slow reader; further lines are dropped and counted. Default 16 MiB. */
  readonly maxWaitingBytes?: number;
  /** Longest wait of `close` for a slow reader. Default 2000. */
  readonly flushTimeoutMs?: number;
}

/** A log and the way to end it. */
export interface Log {
  readonly log: Logger;
  /** Another least important level, from the next line on. */
  readonly setLevel: (level: Level) => void;
  /** Resolves when all lines are handed to the operating system; later lines are lost. Never rejects. */
  readonly close: () => Promise<void>;
}

const RANKS: Readonly<Record<Level, number>> = { error: 0, warn: 1, info: 2, debug: 3 };

/** Opens the log of the process. A reader that goes away ends the log, not the process. */
export function createLog(options: LogOptions): Log {
  const sink = new Sink(options);
  return {
    log: new FieldLogger(sink, {}),
    setLevel: (level) => sink.setLevel(level),
    close: () => sink.close(),
  };
}

/** The one place where lines become bytes. */
class Sink {
  readonly #stream: Writable;
  readonly #winston;
  #rank = 0;
  readonly #maxWaitingBytes: number;
  readonly #flushTimeoutMs: number;
  #dropped = 0;
  #closing: Promise<void> | undefined;

  constructor({ level, format, stream = process.stdout, ...limits }: LogOptions) {
    const isTerminal = stream.isTTY === true;
    const isText = format === 'text' || (format === 'auto' && isTerminal);
    this.#stream = stream;
    this.#maxWaitingBytes = limits.maxWaitingBytes ?? 16_777_216;
    this.#flushTimeoutMs = limits.flushTimeoutMs ?? 2000;
    // A reader that goes away (EPIPE) would end the process. The listener stays: the error may come after `close`.
    stream.on('error', () => undefined);
    this.#winston = createLogger({
      levels: RANKS,
      // Lines are left out before they come here.
      level: 'debug',
      format: winstonFormat.printf(({ line }) =>
        isText ? renderText(line as LogLine, isTerminal) : renderJson(line as LogLine),
      ),
      // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- winston's own types
      transports: [new transports.Stream({ stream, eol: '\n' })],
    });
    this.setLevel(level);
  }

  setLevel(level: Level): void {
    this.#rank = RANKS[level];
  }

  write(level: Level, message: string, fields: LogFields): void {
    if (RANKS[level] > this.#rank || this.#closing !== undefined || this.#stream.destroyed) return;
    if (this.#stream.writableLength > this.#maxWaitingBytes) {
      this.#dropped++;
      return;
    }
    this.#reportDropped();
    this.#send(level, message, fields);
  }

  close(): Promise<void> {
    this.#closing ??= this.#flush();
    return this.#closing;
  }

  #reportDropped(): void {
    if (this.#dropped === 0) return;
    this.#send('warn', 'log lines dropped', { component: 'log', lines: this.#dropped });
    this.#dropped = 0;
  }

  #send(level: Level, message: string, fields: LogFields): void {
    const line: LogLine = { at: new Date(), level, message, fields };
    this.#winston.log({ level, message: '', line });
  }

  /** winston first, then the stream: only the callback of its last write says that all is out. */
  async #flush(): Promise<void> {
    this.#reportDropped();
    const ended = new Promise<void>((resolve) => this.#winston.once('finish', resolve));
    this.#winston.end();
    await ended;
    if (!this.#stream.destroyed) await this.#written();
  }

  #written(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#flushTimeoutMs);
      this.#stream.write('', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

class FieldLogger implements Logger {
  readonly #sink: Sink;
  readonly #fields: LogFields;

  constructor(sink: Sink, fields: LogFields) {
    this.#sink = sink;
    this.#fields = fields;
  }

  debug(message: string, fields?: LogFields): void {
    this.#write('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#write('error', message, fields);
  }

  child(fields: LogFields): Logger {
    return new FieldLogger(this.#sink, { ...this.#fields, ...fields });
  }

  #write(level: Level, message: string, fields?: LogFields): void {
    this.#sink.write(level, message, fields === undefined ? this.#fields : { ...this.#fields, ...fields });
  }
}
