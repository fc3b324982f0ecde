import { StringDecoder } from 'node:string_decoder';

const MAX_LINE_CHARACTERS = 4096;

/** Cuts a byte stream into lines whatever the chunk edges; a line longer than 4,096 characters is cut there. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: (line: string) => void;
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  write(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#emit(line);
    if (this.#rest.length > MAX_LINE_CHARACTERS) this.end();
  }

  /** Emits what is left without a line end. */
  end(): void {
    this.#emit(this.#rest);
    this.#rest = '';
  }

  #emit(line: string): void {
    if (line !== '') this.#onLine(line.slice(0, MAX_LINE_CHARACTERS));
  }
}
