/** Where a command writes; each call is one line. */
export interface Output {
  readonly out: (line: string) => void;
}

/** How a command went for one file; of several files the worst counts, in this order. */
export type Verdict = 'ok' | 'missing' | 'bad' | 'failed';

const ORDER: readonly Verdict[] = ['ok', 'missing', 'bad', 'failed'];

export function worst(verdicts: readonly Verdict[]): Verdict {
  return verdicts.reduce((a, b) => (ORDER.indexOf(b) > ORDER.indexOf(a) ? b : a), 'ok');
}

/** The reason in an error, for a line. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
