import type { Histogram } from '../util/histogram.ts';

export type Labels = Readonly<Record<string, string>>;

/** One number of a family. */
export interface Point {
  /** Behind the family's name: `_bucket`, `_sum` or `_count` of a histogram. */
  readonly suffix?: string;
  readonly labels?: Labels;
  readonly value: number;
}

/** All numbers of one name. */
export interface Family {
  /** In base units: seconds, bytes; ends in `_total` when it counts. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** One sentence. */
  readonly help: string;
  readonly points: readonly Point[];
}

export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * Prometheus' text format 0.0.4. Written here, because the numbers stand ready in the rooms that count: of a client
 * library only this format would be used.
 */
export function exposition(families: readonly Family[]): string {
  return families.map(familyText).join('');
}

/** A family of one number. */
export function single(name: string, type: 'counter' | 'gauge', help: string, value: number): Family {
  return { name, type, help, points: [{ value }] };
}

/** A family with one number for each word. */
export function byWord(
  name: string,
  help: string,
  label: string,
  counts: { entries(): readonly (readonly [string, number])[] },
): Family {
  const points = counts.entries().map(([word, value]) => ({ labels: { [label]: word }, value }));
  return { name, type: 'counter', help, points };
}

export function histogram(name: string, help: string, values: Histogram): Family {
  const { bounds, sum, count } = values;
  const buckets = values.cumulative().map((value, i) => bucket(numberText(bounds[i] ?? NaN), value));
  const points = [
    ...buckets,
    bucket('+Inf', count),
    { suffix: '_sum', value: sum },
    { suffix: '_count', value: count },
  ];
  return { name, type: 'histogram', help, points };
}

function bucket(le: string, value: number): Point {
  return { suffix: '_bucket', labels: { le }, value };
}

function familyText({ name, type, help, points }: Family): string {
  const head = `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n`;
  return head + points.map((point) => pointText(name, point)).join('');
}

function pointText(name: string, { suffix = '', labels = {}, value }: Point): string {
  const pairs = Object.entries(labels).map(
    ([key, text]) => `${key}="${escaped(text).replaceAll('"', '\\"')}"`,
  );
  const shown = pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
  return `${name}${suffix}${shown} ${numberText(value)}\n`;
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
