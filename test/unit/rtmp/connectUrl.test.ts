import { describe, expect, test } from 'vitest';
import { connectParameters, splitQuery } from '../../../src/ingest/rtmp/connectUrl.ts';
import { endpoint, plainAddress } from '../../../src/util/endpoint.ts';
import { identityOf } from '../../../src/ingest/rtmp/identity.ts';
import { amfObject } from '../../../src/ingest/rtmp/amf0.ts';

describe('names with a query', () => {
  test.each([
    ['x', 'x', {}],
    ['x?a=1&b=two%20words', 'x', { a: '1', b: 'two words' }],
    ['a/b c/../é%2f?k', 'a/b c/../é%2f', { k: '' }],
    ['?a=1', '', { a: '1' }],
    ['x?a=%zz&a=2', 'x', { a: '2' }],
    ['x?y?z=1', 'x', { 'y?z': '1' }],
  ])('%j', (text, name, custom) => {
    expect(splitQuery(text)).toEqual({ name, custom });
  });

  test('__proto__ is a name like any other', () => {
    const { custom } = splitQuery('x?__proto__=1');
    expect(Object.keys(custom)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(connectParameters('app?__proto__=1', undefined))).toBe(Object.prototype);
  });
});

describe('connection parameters', () => {
  test.each([
    ['live?a=1', 'rtmp://h/live?a=0&b=2', { a: '1', b: '2' }],
    ['live', 'rtmp://h/live?b=2', { b: '2' }],
    [undefined, undefined, {}],
    [7, null, {}],
    ['', '?&&=', { '': '' }],
  ])('%j %j', (app, tcUrl, expected) => {
    expect(connectParameters(app, tcUrl)).toEqual(expected);
  });
});

describe('identity', () => {
  test('login and appKey of the options object', () => {
    expect(identityOf(amfObject({ login: 'rQq83_-x', appKey: 'myApp' }))).toEqual({
      login: 'rQq83_-x',
      appKey: 'myApp',
    });
  });

  test.each([
    undefined,
    'text',
    amfObject({}),
    amfObject({ login: '../x', appKey: 7 }),
    amfObject({ login: 'x'.repeat(65) }),
  ])('%j gives the defaults', (options) => {
    const { login, appKey } = identityOf(options);
    expect(appKey).toBe('flashStreamingApp');
    expect(login).toMatch(/^[A-Za-z0-9]{20}$/);
    expect(identityOf(options).login).not.toBe(login);
  });
});

test('addresses', () => {
  expect(endpoint('::ffff:10.0.0.1', 5643)).toBe('10.0.0.1:5643');
  expect(endpoint('2001:db8::1', 1935)).toBe('[2001:db8::1]:1935');
  expect(plainAddress('::ffff:abcd')).toBe('::ffff:abcd');
});
