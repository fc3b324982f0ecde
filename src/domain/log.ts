/** Facts beside a message. Errors travel under `err`. */
export type LogFields = Readonly<Record<string, unknown>>;

/** A fixed sentence per line, the changing facts in `fields`. Implemented by `ops/log.ts`. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  child(fields: LogFields): Logger;
}
