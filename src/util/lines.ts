import { StringDecoder } from 'node:string_decoder';

const USUAL_MAX_CHARACTERS = 4096;

/** Cuts a byte stream into lines whatever the chunk edges; a longer line than `maxCharacters` is cut there. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: (line: string) => void;
  readonly #maxCharacters: number;
  #rest = '';

  constructor(onLine: (line: string) => void, maxCharacters = USUAL_MAX_CHARACTERS) {
    this.#onLine = onLine;
    this.#maxCharacters = maxCharacters;
  }

  write(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#emit(line);
    if (this.#rest.length > this.#maxCharacters) this.end();
  }

  /** Emits what is left without a line end. */
  end(): void {
    this.#emit(this.#rest);
    this.#rest = '';
  }

  #emit(line: string): void {
    if (line !== '') this.#onLine(line.slice(0, this.#maxCharacters));
  }
}
