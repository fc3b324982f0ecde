import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { HOOK_VARIABLES, PASSED_VARIABLES } from '../../../src/hooks/hookEnvironment.ts';

const PAGE = readFileSync(new URL('../../../docs/hooks.md', import.meta.url), 'utf8');

test('docs/hooks.md lists exactly the variables that scripts get, with the sentences of the code', () => {
  const rows = [...PAGE.matchAll(/^\| `(RECORD_\w+)` *\| (.*?) *\|$/gm)].map((row) => [row[1], row[2]]);
  expect(rows).toEqual(Object.entries(HOOK_VARIABLES).map(([name, { doc }]) => [name, doc]));
});

test('docs/hooks.md names what is passed on of the environment', () => {
  expect(PAGE).toContain(`\`${PASSED_VARIABLES.join(' ')}\``);
});

test('the lines that docs/hooks.md explains are written by the code', () => {
  const code = ['recordHooks', 'scriptRun', 'leftScript', 'hookSpool'].map((name) =>
    readFileSync(new URL(`../../../src/hooks/${name}.ts`, import.meta.url), 'utf8'),
  );
  const explained = [...PAGE.matchAll(/^\| `((?:record|owed|parked) hook[^`]*)`/gm)].map((row) => row[1]!);
  expect(explained.length).toBeGreaterThan(5);
  for (const line of explained) expect(code.join('')).toContain(`'${line}'`);
});
