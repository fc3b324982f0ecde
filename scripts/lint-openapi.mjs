// Checks docs/openapi.json against OpenAPI 3.1 and the usual manners of such documents. Silent when all is well.
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { URL } from 'node:url';
import { createConfig, lintFromString } from '@redocly/openapi-core';

const source = readFileSync(new URL('../docs/openapi.json', import.meta.url), 'utf8');
const config = await createConfig({
  extends: ['recommended-strict'],
  rules: {
    // Health has none, and records may have none but 404.
    'operation-4xx-response': 'off',
    'operation-operationId-unique': 'error',
    'tag-description': 'error',
    'operation-tag-defined': 'error',
  },
});
const problems = await lintFromString({ source, config });
for (const { ruleId, message, location } of problems)
  process.stdout.write(`${location[0]?.pointer ?? ''}: ${message} (${ruleId})\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
