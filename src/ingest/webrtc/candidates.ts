import type { Candidate } from './offer.ts';

/** Type preference of host candidates (RFC 8445, 5.1.2.2) with the least local preference. */
const LEAST_PRIORITY = 126 * 2 ** 24 + 255;
const LOOPBACK = '127.0.0.1';

/** Settings that decide which addresses clients are told. */
export interface AdvertisedOptions {
  readonly bindAddress?: string;
  readonly publicAddress?: string;
}

/**
 * The addresses that clients are told. A public address takes the place of the machine's own, which would be of no
 * use to the clients and nobody's business. A server on all interfaces also receives at the loopback address, which
 * serves publishers on a machine without a network.
 */
export function advertised(own: readonly Candidate[], options: AdvertisedOptions): readonly Candidate[] {
  const port = own[0]?.port;
  if (port === undefined) return [];
  const { publicAddress, bindAddress } = options;
  if (publicAddress !== undefined) {
    const priority = Math.max(...own.map((each) => each.priority));
    return [{ foundation: '1', priority, address: publicAddress, port }];
  }
  if (bindAddress !== undefined) return own;
  return [...own, { foundation: 'lo', priority: LEAST_PRIORITY, address: LOOPBACK, port }];
}
