// Runs everything that a pull request must pass, to the end even when something fails, and closes with one line:
// `N passed, N failed`. A failed check and a test run that broke off count as one failure each, so that the line
// never says `0 failed` on a red run.
// Usage: node scripts/verify.mjs [static] [unit] [e2e] [browser] [long] [lean]
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { relative } from 'node:path';
import process from 'node:process';

const root = `${import.meta.dirname}/../`;
const bin = (name) => `node_modules/.bin/${name}`;
const say = (line) => process.stdout.write(`${line}\n`);

/** Lines of each failure that are said again at the end. */
const TOLD_LINES = 12;

/** Static checks: independent, so all at once, each silent unless it fails. */
const CHECKS = {
  lint: [bin('eslint'), '--cache', '--cache-location', 'node_modules/.cache/eslint/', '.'],
  format: [bin('prettier'), '--check', '--cache', '--log-level', 'warn', '.'],
  types: [bin('tsc'), '-p', 'tsconfig.json', '--noEmit'],
  architecture: [bin('depcruise'), '--config', '.dependency-cruiser.cjs', 'src'],
  openapi: [process.execPath, 'scripts/lint-openapi.mjs'],
  dockerfile: [bin('dockerfile-utils'), 'lint', 'Dockerfile'],
  shellcheck: [
    ...['shellcheck', '-x', '-P', 'SCRIPTDIR', '.ci/run', 'packaging/debian/postinst'],
    ...['packaging/debian/prerm', 'packaging/debian/postrm'],
    ...['scripts', 'scripts/hooks', 'packaging'].flatMap(shellScripts),
  ],
};

function shellScripts(folder) {
  const names = readdirSync(`${root}${folder}`).filter((name) => name.endsWith('.sh'));
  return names.map((name) => `${folder}/${name}`);
}

/** Resolves with the exit code, and the output unless it went straight to the terminal. */
function run([command, ...args], stdio) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', stdio, stdio] });
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => resolve({ code: error.code, output: error.message }));
    child.on('close', (code, signal) => resolve({ code: code ?? signal, output }));
  });
}

async function check(name) {
  const { code, output } = await run(CHECKS[name], 'pipe');
  if (code === 'ENOENT' && process.env.CI !== 'true') {
    say(`${name}: skipped, ${CHECKS[name][0]} is not installed`);
    return { passed: 0, failed: 0 };
  }
  if (code === 0) say(`${name}: ok`);
  else say(`${name}: FAILED (${code})\n${output}`);
  return { passed: 0, failed: code === 0 ? 0 : 1 };
}

/** One vitest project. Its JSON report, not its exit code alone, says what ran. */
async function suite(project) {
  const report = `node_modules/.cache/recorderd-${project}.json`;
  rmSync(`${root}${report}`, { force: true });
  const flags = [
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ];
  const { code } = await run([bin('vitest'), 'run', ...flags], 'inherit');
  const { passed, failed, failures, skipped } = readReport(`${root}${report}`);
  for (const name of skipped) say(`${project}: skipped: ${name}`);
  if (code !== 0 && failed === 0) say(`${project}: the run failed outside its tests (${code})`);
  if (passed + failed === 0) say(`${project}: no test ran`);
  const broken = failed === 0 && (code !== 0 || passed === 0);
  return { passed, failed: broken ? 1 : failed, failures };
}

function readReport(path) {
  try {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(path, 'utf8'));
    const tests = testResults.flatMap((file) => file.assertionResults);
    const skipped = tests.filter(({ status }) => status !== 'passed' && status !== 'failed');
    return {
      ...{ passed: numPassedTests, failed: numFailedTests, failures: testResults.flatMap(failuresOf) },
      skipped: skipped.map((test) => test.fullName),
    };
  } catch {
    return { passed: 0, failed: 0, failures: [], skipped: [] };
  }
}

/** A file of tests that could not be loaded has a message and no failed test. */
function failuresOf({ name, message, assertionResults }) {
  const tests = assertionResults.filter(({ status }) => status === 'failed');
  const told = tests.map((test) => `${test.fullName}\n${test.failureMessages.join('\n')}`);
  if (told.length === 0 && message !== '') told.push(message);
  return told.map((text) => `${relative(root, name)}: ${text.split('\n').slice(0, TOLD_LINES).join('\n')}`);
}

const wanted = process.argv.slice(2);
const results = [];
if (wanted.includes('static')) results.push(...(await Promise.all(Object.keys(CHECKS).map(check))));
for (const project of ['unit', 'e2e', 'browser', 'long', 'lean'])
  if (wanted.includes(project)) results.push(await suite(project));

// Again at the end: whoever sees only the last lines of a long run must learn what failed.
for (const { failures = [] } of results) for (const text of failures) say(`\nFAILED ${text}`);

const sum = (key) => results.reduce((total, result) => total + result[key], 0);
if (wanted.some((step) => step !== 'static')) say(`\n${sum('passed')} passed, ${sum('failed')} failed`);
process.exitCode = results.length > 0 && sum('failed') === 0 ? 0 : 1;
