import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** Words that stand for networks. */
const NAMED: ReadonlyMap<string, readonly string[]> = new Map([
  ['loopback', ['127.0.0.0/8', '::1/128']],
  // RFC 1918, RFC 4193, and the link-local networks of RFC 3927 and RFC 4291.
  ['private', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', 'fc00::/7', 'fe80::/10']],
  ['any', ['0.0.0.0/0', '::/0']],
]);
const BITS = { ipv4: 32, ipv6: 128 } as const;
const NETWORK = /^([0-9a-f.:]{2,45})(?:\/(\d{1,3}))?$/i;

/** What {@link AddressList} is written as, as the end of the sentence "it must be …". */
export const ADDRESS_LIST_ALLOWED =
  'a list, divided by commas, of addresses, networks such as 10.0.0.0/8 or 2001:db8::/32, and the words ' +
  [...NAMED.keys()].join(', ');

/** A set of IPv4 and IPv6 addresses. */
export class AddressList {
  /** As written. */
  readonly words: readonly string[];
  readonly #networks = new BlockList();

  /** @throws RangeError naming the entry that is wrong. */
  constructor(text: string) {
    this.words = text.split(',').map((word) => word.trim().toLowerCase());
    for (const word of this.words.flatMap((each) => NAMED.get(each) ?? [each])) this.#add(word);
  }

  /** True when every address is in it, or every one of IPv4 or of IPv6. */
  get isAny(): boolean {
    return this.words.some((word) => word === 'any' || word.endsWith('/0'));
  }

  /** @param address of a socket: an IPv4 address may be written as IPv6, and an IPv6 address may name its interface. */
  has(address: string): boolean {
    const [plain = ''] = address.split('%');
    // Of an IPv4 address in the form of IPv6, BlockList itself takes the IPv4 address.
    if (isIPv4(plain)) return this.#networks.check(plain, 'ipv4');
    return isIPv6(plain) && this.#networks.check(plain, 'ipv6');
  }

  #add(word: string): void {
    const [, address = '', length] = NETWORK.exec(word) ?? [];
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    const bits = length === undefined ? BITS[family] : Number(length);
    if ((family === 'ipv6' && !isIPv6(address)) || bits > BITS[family]) {
      throw new RangeError(
        `${JSON.stringify(word.slice(0, 64))} is no address and no network; it must be ${ADDRESS_LIST_ALLOWED}`,
      );
    }
    this.#networks.addSubnet(address, bits, family);
  }
}
