import { describe, expect, test } from 'vitest';
import { AddressList } from '../../../src/tcp/addressList.ts';

describe('the words', () => {
  test.each([
    ['loopback', '127.0.0.1', true],
    ['loopback', '127.255.255.254', true],
    ['loopback', '::1', true],
    ['loopback', '::ffff:127.0.0.1', true],
    ['loopback', '::ffff:10.0.0.1', false],
    ['loopback', '10.0.0.1', false],
    ['loopback', '128.0.0.1', false],
    ['private', '127.0.0.1', false],
    ['private', '10.255.255.255', true],
    ['private', '11.0.0.0', false],
    ['private', '172.15.255.255', false],
    ['private', '172.16.0.0', true],
    ['private', '172.31.255.255', true],
    ['private', '172.32.0.0', false],
    ['private', '192.168.1.1', true],
    ['private', '192.169.0.1', false],
    ['private', '169.254.7.7', true],
    ['private', '::ffff:192.168.1.1', true],
    ['private', '::FFFF:8.8.8.8', false],
    ['private', 'fbff::1', false],
    ['private', 'fc00::1', true],
    ['private', 'fdff:ffff::1', true],
    ['private', 'fe80::1%eth0', true],
    ['private', 'fec0::1', false],
    ['private', '2001:db8::1', false],
    ['any', '203.0.113.9', true],
    ['any', '2001:db8::1', true],
    ['any', '::ffff:203.0.113.9', true],
    ['0.0.0.0/0', '::ffff:203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '2001:db8::1', true],
    ['any', '', false],
    ['any', 'localhost', false],
  ])('%s, is %s in it: %s', (text, address, expected) => {
    expect(new AddressList(text).has(address)).toBe(expected);
  });
});

describe('networks', () => {
  test('several stand side by side, with and without a length', () => {
    const list = new AddressList(' 203.0.113.0/24 ,198.51.100.7, 2001:DB8:1::/48 ');
    const inside = ['203.0.113.255', '::ffff:203.0.113.1', '198.51.100.7', '2001:db8:1:ffff::1'];
    expect(inside.filter((address) => !list.has(address))).toEqual([]);
    const outside = ['203.0.114.0', '198.51.100.8', '2001:db8:2::1', '127.0.0.1', '::1'];
    expect(outside.filter((address) => list.has(address))).toEqual([]);
    expect(list.isAny).toBe(false);
  });

  test.each([
    '',
    'loopback,',
    '10.0.0.0/33',
    '10.0.0/8',
    '::/129',
    '10.0.0.0/-1',
    'localhost',
    '10.0.0.0/8/8',
    'all',
  ])('%j is none', (text) => {
    expect(() => new AddressList(text)).toThrow(/^".*" is no address and no network; it must be a list/);
  });

  test('what is open to all is told from what is large', () => {
    expect(new AddressList('loopback,Any').isAny).toBe(true);
    expect(new AddressList('loopback,0.0.0.0/0').isAny).toBe(true);
    expect(new AddressList('::/0').isAny).toBe(true);
    expect(new AddressList('10.0.0.0/8,::/10').isAny).toBe(false);
  });
});
