import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Sandbox } from './sandbox.ts';

const TOOLS = 'node_modules/.bin';

let box: Sandbox;
beforeEach(() => {
  box = new Sandbox();
  for (const tool of ['eslint', 'prettier', 'tsc', 'depcruise', 'dockerfile-utils'])
    box.program(tool, 'exit 0', TOOLS);
  box.program('shellcheck', 'exit 0');
  // Run by node, for which the first line is none: it does nothing.
  box.program('lint-openapi.mjs', '', 'scripts');
});
afterEach(() => box.remove());

function asserted(status: string, i: number): object {
  const failureMessages = status === 'failed' ? ['expected 1 to be 2'] : [];
  return { status, fullName: `test ${i}`, failureMessages };
}

/** Stands for vitest: writes a report with the given statuses and ends with `code`. */
function vitestThat(code: number, ...statuses: readonly string[]): void {
  const count = (wanted: string): number => statuses.filter((status) => status === wanted).length;
  const report = {
    numPassedTests: count('passed'),
    numFailedTests: count('failed'),
    testResults: [{ name: 'a.test.ts', message: '', assertionResults: statuses.map(asserted) }],
  };
  const body = `mkdir -p node_modules/.cache
    for flag in "$@"; do case $flag in --outputFile.json=*) out=\${flag#*=} ;; esac; done
    echo '${JSON.stringify(report)}' >"$out"; exit ${code}`;
  box.program('vitest', body, TOOLS);
}

const verify = (...steps: string[]) => {
  const { code, stdout } = box.run(process.execPath, ['scripts/verify.mjs', ...steps]);
  return { code, stdout, lastLine: stdout.trimEnd().split('\n').at(-1) };
};

describe('verify.mjs', () => {
  it('adds up both projects in its last line', () => {
    vitestThat(0, 'passed', 'passed', 'passed');
    expect(verify('static', 'unit', 'e2e')).toMatchObject({ code: 0, lastLine: '6 passed, 0 failed' });
  });

  it('fails with the count of failed tests', () => {
    vitestThat(1, 'passed', 'failed');
    expect(verify('unit')).toMatchObject({ code: 1, lastLine: '1 passed, 1 failed' });
  });

  it('says again at the end which tests failed and why', () => {
    vitestThat(1, 'passed', 'failed');
    const told = /\nFAILED .*a\.test\.ts: test 1\nexpected 1 to be 2\n\n1 passed, 1 failed\n$/;
    expect(verify('unit').stdout).toMatch(told);
  });

  it('fails when no test ran', () => {
    vitestThat(0);
    expect(verify('unit')).toMatchObject({ code: 1, lastLine: '0 passed, 1 failed' });
  });

  it('fails when a test file could not be loaded, though every test that ran passed', () => {
    vitestThat(1, 'passed');
    expect(verify('unit')).toMatchObject({ code: 1, lastLine: '1 passed, 1 failed' });
  });

  it('fails when vitest left no report', () => {
    box.program('vitest', 'exit 0', TOOLS);
    expect(verify('e2e')).toMatchObject({ code: 1, lastLine: '0 passed, 1 failed' });
  });

  it('counts a failed check, shows its output and still runs the tests', () => {
    vitestThat(0, 'passed');
    box.program('eslint', 'echo unused variable; exit 1', TOOLS);
    const { code, stdout, lastLine } = verify('static', 'unit');
    expect({ code, lastLine }).toEqual({ code: 1, lastLine: '1 passed, 1 failed' });
    expect(stdout).toContain('lint: FAILED (1)\nunused variable');
  });

  it('names skipped tests', () => {
    vitestThat(0, 'passed', 'pending');
    expect(verify('unit').stdout).toContain('unit: skipped: test 1');
  });

  it('fails when it is asked for nothing', () => {
    expect(verify().code).toBe(1);
  });
});
