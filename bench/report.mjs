// The figures of all runs as Markdown, ready for docs/benchmarks.md.

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/** `min / **median** / max` */
export function spread(values, digits) {
  const show = (value) => value.toFixed(digits);
  return `${show(Math.min(...values))} / **${show(median(values))}** / ${show(Math.max(...values))}`;
}

const COLUMNS = [
  [
    'CPU-s per stream-minute',
    (runs) =>
      spread(
        runs.map((run) => run.cpuPerMinute),
        3,
      ),
  ],
  [
    'PSS per recording, MiB',
    (runs) =>
      spread(
        runs.map((run) => run.pssMiB),
        2,
      ),
  ],
  [
    'stop to final file, median ms',
    (runs) =>
      spread(
        runs.map((run) => run.lagMedianMs),
        0,
      ),
  ],
  [
    'worst ms',
    (runs) =>
      spread(
        runs.map((run) => run.lagWorstMs),
        0,
      ),
  ],
  [
    'bytes on disk per recording',
    (runs) => Math.round(median(runs.map((run) => run.bytes))).toLocaleString('en'),
  ],
  ['files', (runs, n) => `${runs.reduce((sum, run) => sum + run.files, 0)} of ${n * runs.length}`],
  ['all packets equal', (runs) => `${total(runs, 'equal')} of ${total(runs, 'compared')}`],
];

const total = (runs, key) => runs.reduce((sum, run) => sum + run[key], 0);

/** This server's CPU over that of each peer. */
function ratios({ recorderd, ...peers }, labels) {
  if (recorderd === undefined) return '';
  const cpu = (runs) => median(runs.map((run) => run.cpuPerMinute));
  return Object.entries(peers)
    .map(([name, runs]) => {
      const ratio = (cpu(recorderd) / cpu(runs)).toFixed(2);
      return `CPU, recorderd / ${labels[name].label} (medians): **${ratio}**\n`;
    })
    .join('');
}

function loadNotes(runs) {
  const worst = (key) => Math.max(...runs.map((run) => run[key]));
  const cpu = median(runs.map((run) => run.cpuSeconds)).toFixed(2);
  const backlog =
    runs[0].backlogBytes === undefined ? '' : `, at most ${worst('backlogBytes')} bytes unsent on a socket`;
  return `Load: ${cpu} CPU-s per run (median), at most ${worst('latestMs')} ms late${backlog}. CPU by ${runs[0].method}.\n`;
}

/** The whole report. `results` holds the runs of each peer. */
export function report({ results, n, labels }) {
  const rows = Object.entries(results).map(
    ([name, runs]) => `| ${labels[name].label} | ${COLUMNS.map(([, cell]) => cell(runs, n)).join(' | ')} |\n`,
  );
  const head = `| | ${COLUMNS.map(([title]) => title).join(' | ')} |\n|--|${COLUMNS.map(() => '--|').join('')}\n`;
  const differences = [
    ...new Set(Object.values(results).flatMap((runs) => runs.flatMap((run) => run.differing))),
  ];
  const odd = differences.length > 0 ? `Differing files: ${differences.join('; ')}\n` : '';
  return `\n${head}${rows.join('')}\n${ratios(results, labels)}${loadNotes(Object.values(results).flat())}${odd}`;
}
