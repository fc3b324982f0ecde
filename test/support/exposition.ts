/** One line of `/metrics`. */
export interface ScrapedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ScrapedFamily {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ScrapedSample[];
}

const NAME = /^[a-z][a-z0-9_]*$/;
const SAMPLE = /^([a-z][a-z0-9_]*)(?:\{(.*)\})? (NaN|[+-]Inf|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;
const LABEL = /([a-z_][a-z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/gy;

/**
 * Reads Prometheus' text format 0.0.4 and takes only what this server may write: families in one piece, HELP and TYPE
 * before the samples, no sample twice, names by the conventions, whole histograms.
 * @throws Error naming the line.
 */
export function parseExposition(text: string): Map<string, ScrapedFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const reader = new Reader();
  for (const line of text.slice(0, -1).split('\n')) reader.read(line);
  for (const [each, family] of reader.families) check(each, family);
  return reader.families;
}

class Reader {
  readonly families = new Map<string, { type: string; help: string; samples: ScrapedSample[] }>();
  readonly #seen = new Set<string>();
  #name = '';
  /** Of a family whose TYPE has not come. */
  #help: string | undefined;

  read(line: string): void {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind === 'HELP') this.#readHelp(name, rest);
    else if (kind === 'TYPE') this.#readType(name, rest);
    else this.#readSample(line);
  }

  #readHelp(name: string, help: string): void {
    if (this.families.has(name) || !NAME.test(name)) throw new Error(`not a new family: ${name}`);
    this.#name = name;
    this.#help = help;
  }

  #readType(name: string, type: string): void {
    if (name !== this.#name || this.#help === undefined) throw new Error(`TYPE without HELP: ${name}`);
    this.families.set(name, { type, help: this.#help, samples: [] });
    this.#help = undefined;
  }

  #readSample(line: string): void {
    const family = this.families.get(this.#name);
    const sample = sampleOf(line);
    const names = suffixes(family?.type).map((suffix) => this.#name + suffix);
    if (family === undefined || !names.includes(sample.name))
      throw new Error(`not of ${this.#name}: ${line}`);
    const key = `${sample.name}${JSON.stringify(sample.labels)}`;
    if (this.#seen.has(key)) throw new Error(`twice: ${line}`);
    this.#seen.add(key);
    family.samples.push(sample);
  }
}

/** The value of a sample; undefined when there is none with exactly these labels. */
export function valueOf(
  families: ReadonlyMap<string, ScrapedFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''));
  const wanted = JSON.stringify(Object.entries(labels).sort());
  return family?.samples.find(
    (sample) => sample.name === name && JSON.stringify(Object.entries(sample.labels).sort()) === wanted,
  )?.value;
}

function suffixes(type: string | undefined): readonly string[] {
  return type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
}

function sampleOf(line: string): ScrapedSample {
  const [, name, pairs = '', value] = SAMPLE.exec(line) ?? [];
  if (name === undefined) throw new Error(`not a sample: ${line}`);
  const labels: Record<string, string> = {};
  let end = 0;
  for (const match of pairs.matchAll(LABEL)) {
    const [whole, key = '', text = ''] = match;
    if (key in labels) throw new Error(`label twice: ${line}`);
    labels[key] = text.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
    end = match.index + whole.length;
  }
  if (end !== pairs.length) throw new Error(`not labels: ${line}`);
  return { name, labels, value: Number(value!.replace('Inf', 'Infinity')) };
}

function check(name: string, { type, help, samples }: ScrapedFamily): void {
  if (!['counter', 'gauge', 'histogram'].includes(type)) throw new Error(`type of ${name}: ${type}`);
  if (!help.endsWith('.')) throw new Error(`help of ${name} is no sentence`);
  if (name.endsWith('_total') !== (type === 'counter'))
    throw new Error(`a counter, and no other, ends in _total: ${name}`);
  if (!/^(recorderd|process)_/.test(name)) throw new Error(`prefix of ${name}`);
  if (/_(ms|milliseconds|kb|mb|percent)(_|$)/.test(name)) throw new Error(`unit of ${name}`);
  if (type !== 'gauge' && samples.some(({ value }) => !(value >= 0))) throw new Error(`negative: ${name}`);
  if (type === 'histogram') checkHistogram(name, samples);
}

function checkHistogram(name: string, samples: readonly ScrapedSample[]): void {
  const buckets = samples.filter((sample) => sample.name === `${name}_bucket`);
  const bounds = buckets.map(({ labels }) => Number(labels['le']!.replace('Inf', 'Infinity')));
  const counts = buckets.map(({ value }) => value);
  const ascends = (values: readonly number[]): boolean =>
    values.every((value, i) => i === 0 || value >= values[i - 1]!);
  const count = samples.find((sample) => sample.name === `${name}_count`)?.value;
  const hasSum = samples.some((sample) => sample.name === `${name}_sum`);
  if (!ascends(bounds) || bounds.at(-1) !== Infinity) throw new Error(`bounds of ${name}`);
  if (!ascends(counts) || counts.at(-1) !== count || !hasSum) throw new Error(`counts of ${name}`);
}
