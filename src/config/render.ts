import type { Setting } from './settingTypes.ts';
import { SETTING_GROUPS } from './settings.ts';

const GENERATED = 'Generated from the table of settings by scripts/gen-settings.mjs; a test compares them.';

/** Text of `conf/flashphoner.properties`: every key with its default, all of them commented out. */
export function renderExampleProperties(): string {
  const head = comment(
    'Settings of recorderd. Every key below is commented out and shows its default: remove the # in front of a ' +
      'key to change it, check the file with "recorderd check-config", and send SIGHUP (systemctl reload ' +
      'recorderd) or restart: docs/settings.md says which keys need a restart.',
    'The grammar is that of Java properties, in UTF-8: one key=value a line, # and ! begin a comment line, a ' +
      'backslash is written twice. Relative paths are under the home folder (--home).',
    'An environment variable such as RECORDERD_RTMP_PORT replaces the key rtmp.port, and ' +
      '--set rtmp.port=1936 on the command line replaces both. "recorderd print-config" shows what is in force.',
    GENERATED,
  );
  const groups = SETTING_GROUPS.map(({ title, settings }) =>
    [`# ---- ${title} ----`, ...Object.entries(settings).map(renderExampleEntry)].join('\n\n'),
  );
  return `${[head, ...groups].join('\n\n')}\n`;
}

function renderExampleEntry([key, { doc, type, initial }]: [string, Setting<unknown>]): string {
  return `${comment(doc, `Allowed: ${type.allowed}.`)}\n#${key}=${initial}`;
}

/** Paragraphs as comment lines of at most 110 characters. */
function comment(...paragraphs: readonly string[]): string {
  return paragraphs
    .flatMap((paragraph) => paragraph.match(/.{1,108}(?:\s|$)/g) ?? [])
    .map((line) => `# ${line.trim()}`)
    .join('\n');
}

/** Text of `docs/settings.md`: one table per group. */
export function renderSettingsMarkdown(): string {
  const head = [
    '# Settings',
    `<!-- ${GENERATED} -->`,
    'The server reads `conf/flashphoner.properties` under its home folder, or the file given with `--config`. ' +
      'The grammar is that of Java properties, in UTF-8. An environment variable such as `RECORDERD_RTMP_PORT` ' +
      'replaces the key `rtmp.port`, and `--set rtmp.port=1936` on the command line replaces both.',
    'A value that is not allowed stops the start (exit code 78); `--check-config` lists all of them with file and ' +
      'line. An unknown key is a warning, and so are keys of WCS that recorderd does not use.',
    'Reload says what SIGHUP (`systemctl reload recorderd`) does with a key that was changed: `live` keys are in ' +
      'force for what begins after it, such as a recording, a request or a hook run; `restart` keys are named in ' +
      'the log and wait for a restart. WCS says whether the key is one of Web Call Server, too.',
  ];
  const groups = SETTING_GROUPS.flatMap(({ title, settings }) => [
    `## ${title}`,
    renderTable([COLUMNS, ...Object.entries(settings).map(renderRow)]),
  ]);
  return `${[...head, ...groups].join('\n\n')}\n`;
}

const COLUMNS = ['Key', 'Default', 'Allowed', 'Reload', 'WCS', 'Meaning'];

function renderRow([key, { doc, type, initial, apply, wcs }]: [string, Setting<unknown>]): string[] {
  const shown = initial === '' ? 'empty' : `\`${initial}\``;
  return [`\`${key}\``, shown, type.allowed, apply, wcs === true ? 'yes' : 'no', doc].map(plain);
}

/** Characters of Markdown that the texts hold literally. */
const plain = (cell: string): string => (cell.startsWith('`') ? cell : cell.replace(/[*|_<>]/g, '\\$&'));

/** Cells are padded as prettier pads them, so that the file passes its check. */
function renderTable(rows: readonly (readonly string[])[]): string {
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`);
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [lines[0], rule, ...lines.slice(1)].join('\n');
}

/** What {@link renderEffectiveSettings} shows of each key. */
export interface EffectiveSettings {
  readonly texts: Readonly<Record<string, string>>;
  readonly sources: Readonly<Record<string, string>>;
}

/** One line per key: `key = value`, then its source in brackets. Values of secret keys are `***`. */
export function renderEffectiveSettings(effective: EffectiveSettings, groups = SETTING_GROUPS): string {
  const rows = groups.flatMap(({ settings }) =>
    Object.entries(settings).map(([key, { secret }]) => {
      const text = effective.texts[key] ?? '';
      const shown = secret === true && text !== '' ? '***' : JSON.stringify(text).slice(1, -1);
      return { left: `${key} = ${shown}`, source: effective.sources[key] ?? '' };
    }),
  );
  const width = Math.min(64, Math.max(...rows.map(({ left }) => left.length)));
  return rows.map(({ left, source }) => `${left.padEnd(width)}  [${source}]\n`).join('');
}
