import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findScript } from '../../../src/hooks/hookScript.ts';
import { Home } from './support.ts';

let home: Home;
beforeEach(() => (home = new Home()));
afterEach(() => home.remove());

test('a relative script is looked up in scripts, then in bin', async () => {
  const inBin = home.script(['#!/bin/sh'], 'bin/hook.sh');
  expect(await findScript('hook.sh', home.dir)).toMatchObject({ path: inBin });
  const inScripts = home.script(['#!/bin/sh'], 'scripts/hook.sh');
  expect(await findScript('hook.sh', home.dir)).toMatchObject({ path: inScripts });
});

test('an absolute script is taken as it is', async () => {
  const path = home.script(['#!/bin/sh'], 'elsewhere.sh');
  expect(await findScript(path, '/nowhere')).toEqual({ path, program: path, leading: [] });
});

test('a script without #! is run by bash, a binary by itself', async () => {
  const path = home.script(['echo hello']);
  expect(await findScript('hook.sh', home.dir)).toEqual({ path, program: '/bin/bash', leading: [path] });
  const empty = home.script([], 'scripts/empty.sh');
  expect(await findScript('empty.sh', home.dir)).toMatchObject({ program: '/bin/bash', leading: [empty] });
  expect(await findScript(process.execPath, '/')).toMatchObject({ program: process.execPath, leading: [] });
});

test.each([
  ['missing', 'no.sh', /^not found: .*\/scripts\/no\.sh, .*\/bin\/no\.sh$/],
  ['below a file', 'hook.sh/x', /^not found: /],
  ['not executable', 'plain.sh', /^is not executable \(chmod \+x\): .*\/scripts\/plain\.sh$/],
  ['a folder', 'folder', /^is a folder: /],
  ['a device', '/dev/null', /^is not a file: /],
  ['a name that no file can have', 'x'.repeat(300), /ENAMETOOLONG/],
])('a script that is %s is told apart', async (_, script, reason) => {
  home.script(['#!/bin/sh']);
  home.script(['#!/bin/sh'], 'scripts/plain.sh', 0o644);
  mkdirSync(join(home.dir, 'bin', 'folder'));
  const found = await findScript(script, home.dir);
  expect('reason' in found && found.reason).toMatch(reason);
});
