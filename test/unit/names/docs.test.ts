import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { TEMPLATE_ELEMENTS } from '../../../src/domain/names.ts';

test('docs/names.md lists exactly the elements of a template', () => {
  const page = readFileSync(new URL('../../../docs/names.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `\{(\w+)\}` /gm)].map((row) => row[1]);
  expect(rows).toEqual(TEMPLATE_ELEMENTS);
});
