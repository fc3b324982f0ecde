import { describe, expect, test } from 'vitest';
import { printOutcome, readSettings } from '../../../src/cli.ts';
import { loadSettings } from '../../../src/config/load.ts';

/** What a start with these values says. */
function load(...set: readonly string[]) {
  return loadSettings({ env: {}, set });
}

describe('rest_users and rest_token', () => {
  test('users are divided by commas; a password may hold a colon', () => {
    const result = load('rest_users= ann:a:b , bob:c ');
    expect(result.ok && result.settings.rest_users).toEqual(['ann:a:b', 'bob:c']);
  });

  test.each([
    ['rest_users=secret-without-user', 'user 1 is not allowed'],
    ['rest_users=ann:x,:secret', 'user 2 is not allowed'],
    ['rest_users=ann:', 'user 1 is not allowed'],
    ['rest_users=ann:secret,', 'user 2 is not allowed'],
    ['rest_users=ann:secret,ann:secret2', 'user 2 is there twice: ann'],
    ['rest_token=secret with blanks', 'the token is not allowed'],
  ])('%s is refused, and the secret is not repeated', (set, message) => {
    const result = load(set);
    expect(result.ok).toBe(false);
    const text = JSON.stringify(result);
    expect(text).toContain(message);
    expect(text).not.toContain('secret');
  });

  test('--print-config masks them', () => {
    const options = {
      config: undefined,
      home: '/nonexistent',
      set: ['rest_users=ann:pass1', 'rest_token=pass2'],
    };
    const { stdout } = printOutcome(readSettings(options, { cwd: '/', env: {} }));
    expect(stdout).toMatch(/^rest_users = \*\*\* /m);
    expect(stdout).toMatch(/^rest_token = \*\*\* /m);
    expect(stdout).not.toContain('pass');
  });
});

describe('rest_allow', () => {
  test('is for this machine and private networks unless it is set', () => {
    const result = load();
    expect(result.ok && result.settings.rest_allow.words).toEqual(['loopback', 'private']);
    expect(result.warnings).toEqual([]);
  });

  test('any without credentials is warned of', () => {
    expect(load('rest_allow=any').warnings).toEqual([
      '--set rest_allow: everybody who reaches the port can use REST; set rest_users or rest_token',
    ]);
    expect(load('rest_allow=any', 'rest_token=t').warnings).toEqual([]);
    expect(load('rest_allow=any', 'rest_users=a:b').warnings).toEqual([]);
  });

  test('a wrong network stops the start', () => {
    const result = load('rest_allow=10.0.0.0/8,10.0.0.0/99');
    expect(!result.ok && result.problems[0]).toMatch(/^--set rest_allow: "10.0.0.0\/99" is no address/);
  });
});
