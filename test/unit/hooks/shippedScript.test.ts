import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Home, part } from './support.ts';

let home: Home;
beforeEach(() => (home = new Home()));
afterEach(() => home.remove());

test('the shipped default script runs, says nothing and does nothing', async () => {
  const script = fileURLToPath(new URL('../../../scripts/on_record_hook.sh', import.meta.url));
  const lines = await home.run(part({ streamName: `-x "$(exit 1)" '` }), { script });
  expect(lines).toMatchObject([{ level: 'info', fields: { exitCode: 0, output: '' } }]);
});
