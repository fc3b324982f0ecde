import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SETTINGS, isSettingKey } from '../../../src/config/settings.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

const DOCS = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md'))
  .map((name) => join('docs', name))
  .sort();
const PAGES = ['README.md', 'CHANGELOG.md', ...DOCS];

/** Prose and headings of a page: what stands in code is no link. */
const withoutFences = (text: string): string => text.replace(/^( *)```[^]*?^\1```/gm, '');

/** Relative links of a page, as written. */
function linksOf(text: string): string[] {
  const prose = withoutFences(text).replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)[^)]*\)/g)]
    .map((match) => match[1]!)
    .filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target));
}

/** Anchors that GitHub gives to the headings of a page. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutFences(text).matchAll(/^#{1,6} +(.+?)[ #]*$/gm)) {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain.replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replaceAll(' ', '-');
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Why a link leads nowhere; undefined when it does lead somewhere. */
function problemOf(page: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : relative(ROOT, resolve(ROOT, dirname(page), decodeURIComponent(path)));
  if (target.startsWith('..')) return `${link}: outside the project`;
  if (!existsSync(join(ROOT, target))) return `${link}: no such file`;
  if (anchor === undefined) return undefined;
  return anchorsOf(read(target)).has(anchor) ? undefined : `${link}: no such heading`;
}

/** Body rows of the tables under a heading of the README, cell by cell. */
function rowsUnder(heading: string): string[][] {
  const section = read('README.md').split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| (.+) \|$/gm)]
    .map(([, cells = '']) => cells.split(' | ').map((cell) => cell.trim()))
    .filter(([first = '']) => first.startsWith('`'));
}

describe('links', () => {
  test.each(PAGES)('of %s lead to a file and a heading', (page) => {
    const problems = linksOf(read(page)).map((link) => problemOf(page, link));
    expect(problems.filter((problem) => problem !== undefined)).toEqual([]);
  });

  test('lead from the README to every page of docs/', () => {
    const linked = linksOf(read('README.md')).map((link) => link.replace(/#.*/, ''));
    expect(DOCS.filter((page) => !linked.includes(page))).toEqual([]);
  });

  test('are found, and broken ones are told', () => {
    const text =
      'See [a](x.md), [`b`](docs/rest.md#none) and `[c](y.md)`.\n\n```\n[d](z.md)\n```\n[e](https://f)';
    const links = linksOf(text);
    expect(links).toEqual(['x.md', 'docs/rest.md#none']);
    expect(links.map((link) => problemOf('README.md', link))).toEqual([
      'x.md: no such file',
      'docs/rest.md#none: no such heading',
    ]);
    expect(problemOf('docs/rest.md', '../../etc/passwd')).toBe('../../etc/passwd: outside the project');
  });

  test('go to the anchors that GitHub makes', () => {
    const text = '# A `b_c`, d & [e](f)!\n## Twice\n## Twice\n```sh\n# no heading\n```';
    expect([...anchorsOf(text)]).toEqual(['a-b_c-d--e', 'twice', 'twice-1']);
  });
});

describe('the README', () => {
  const settings = rowsUnder('Settings').map(([key = '', shown = '']) => ({
    key: key.replaceAll('`', ''),
    initial: shown === 'empty' ? '' : shown.replaceAll('`', ''),
  }));

  test('has a table of settings', () => {
    expect(settings.length).toBeGreaterThanOrEqual(15);
  });

  test.each(settings)('gives the default of $key', ({ key, initial }) => {
    expect(isSettingKey(key) && SETTINGS[key].initial).toBe(initial);
  });

  test('lists the packages needed at run time, with their licences', () => {
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
    const licences = Object.keys(dependencies).map((name) => {
      const { license } = JSON.parse(read(`node_modules/${name}/package.json`)) as { license: string };
      return [name, license];
    });
    const listed = rowsUnder('Components').map(([name = '', licence]) => [name.replaceAll('`', ''), licence]);
    expect(listed.sort()).toEqual(licences.sort());
  });

  test('names REST paths that docs/rest.md explains', () => {
    const paths = [...read('README.md').matchAll(/`(\/rest-api\/[\w/]+)`/g)].map((match) => match[1]!);
    expect(paths.length).toBeGreaterThan(5);
    for (const path of paths) expect(read('docs/rest.md')).toContain(`| \`${path}\` `);
  });
});
