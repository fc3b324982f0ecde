import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '../domain/log.ts';
import { syncFolder } from '../storage/wholeFile.ts';
import { hasCode } from '../util/errorCode.ts';
import { LineSplitter } from '../util/lines.ts';

/** What is made text and written in one go while the log is rewritten: about 1 ms of the event loop. */
const ROWS_AT_ONCE = 200;
const READ_BYTES = 1 << 20;
const MODE = 0o640;
/** Stream names may be long. */
const MAX_LINE_CHARACTERS = 1 << 20;

/**
 * A file of JSON lines that grows at its end. A line is one write, which ends a torn one before it; torn ones are passed
 * over when it is read. Lines that come while a write is under way share the next one, and its sync. A log that cannot be
 * written is logged; what it lacks is written with the next line, so that lines may stand there twice.
 */
export class LineLog {
  readonly #path: string;
  readonly #log: Logger;
  #handle: FileHandle | undefined;
  #unwritten = '';
  #mustSync = false;
  /** The write that takes lines yet. */
  #turn: Promise<void> | undefined;
  #jobs: Promise<void> = Promise.resolve();
  #isFailing = false;
  /** Lines since a rewrite began; undefined while there is none. */
  #since: string[] | undefined;
  #lines = 0;

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  /** Lines in the file, those not written yet included. */
  get lines(): number {
    return this.#lines;
  }

  /** Reads every line, oldest first. @throws Error when the file cannot be read. */
  async open(onLine: (line: unknown) => void): Promise<void> {
    await rm(`${this.#path}.tmp`, { force: true });
    const { whole, torn } = await readLines(this.#path, onLine);
    this.#lines = whole + torn;
    if (torn > 0)
      this.#log.warn('catalogue has torn lines, which are passed over', { file: this.#path, torn });
  }

  /** Appends a line. Resolves once it is written, `isDurable`: through to the disk, or could not be. Never rejects. */
  write(line: object, isDurable: boolean): Promise<void> {
    const text = textOf(line);
    this.#lines++;
    this.#unwritten += text;
    this.#mustSync ||= isDurable;
    this.#since?.push(text);
    return (this.#turn ??= this.#enqueue(() => this.#put()));
  }

  /** Puts a new file with these lines, and those that come meanwhile, in place of the old one. Never rejects. */
  async rewrite(rows: readonly object[]): Promise<void> {
    if (this.#since !== undefined) return;
    this.#since = [];
    const temporary = `${this.#path}.tmp`;
    try {
      const file = await open(temporary, 'w', MODE);
      try {
        for (let at = 0; at < rows.length; at += ROWS_AT_ONCE)
          await file.appendFile(
            rows
              .slice(at, at + ROWS_AT_ONCE)
              .map(textOf)
              .join(''),
          );
        await this.#enqueue(() => this.#replaceWith(file, rows.length));
      } finally {
        if (this.#handle !== file) await file.close();
      }
    } catch (err) {
      this.#log.error('catalogue cannot be rewritten', { file: this.#path, err });
      await rm(temporary, { force: true }).catch(() => undefined);
    }
    this.#since = undefined;
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    await this.#enqueue(() => this.#put());
    await this.#handle?.close();
    this.#handle = undefined;
  }

  /** Not before there is something to write. */
  async #create(): Promise<FileHandle> {
    const file = await open(this.#path, 'a', MODE);
    await syncFolder(dirname(this.#path));
    return file;
  }

  #enqueue(job: () => Promise<void>): Promise<void> {
    const done = this.#jobs.then(job);
    this.#jobs = done.catch(() => undefined);
    return done;
  }

  async #put(): Promise<void> {
    this.#turn = undefined;
    if (this.#unwritten === '') return;
    const [text, mustSync] = [this.#unwritten, this.#mustSync];
    this.#unwritten = '';
    this.#mustSync = false;
    try {
      const file = (this.#handle ??= await this.#create());
      await file.appendFile(text);
      if (mustSync) await file.datasync();
      this.#isFailing = false;
    } catch (err) {
      this.#unwritten = text + this.#unwritten;
      this.#mustSync ||= mustSync;
      if (!this.#isFailing) this.#log.error('catalogue cannot be written', { file: this.#path, err });
      this.#isFailing = true;
    }
  }

  async #replaceWith(file: FileHandle, rows: number): Promise<void> {
    const since = this.#since ?? [];
    const written = since.length;
    await file.appendFile(since.join(''));
    await file.sync();
    await rename(`${this.#path}.tmp`, this.#path);
    await syncFolder(dirname(this.#path));
    await this.#handle?.close();
    this.#handle = file;
    // Lines that came while this was under way are in the list and not in the file.
    this.#unwritten = since.slice(written).join('');
    this.#lines = rows + since.length;
  }
}

/**
 * Reads every line that is whole, oldest first; a file that is not there has none. Changes nothing.
 * @returns how many lines are whole, and how many are torn. @throws Error when the file cannot be read.
 */
export async function readLines(
  path: string,
  onLine: (line: unknown) => void,
): Promise<{ readonly whole: number; readonly torn: number }> {
  let [whole, torn] = [0, 0];
  const lines = new LineSplitter((text) => {
    if (text === '') return;
    const line = parsed(text);
    if (line === undefined) torn++;
    else {
      whole++;
      onLine(line);
    }
  }, MAX_LINE_CHARACTERS);
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES }))
      lines.write(chunk as Buffer);
    lines.end();
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
  return { whole, torn };
}

function textOf(line: object): string {
  return `\n${JSON.stringify(line)}\n`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
