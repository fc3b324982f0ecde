const MAPPED = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i;

/** The address of a socket; an IPv4 client of a dual-stack listener is shown and counted as IPv4. */
export function plainAddress(address: string): string {
  return address.replace(MAPPED, '');
}

/** `1.2.3.4:1935`, or `[2001:db8::1]:1935`. */
export function endpoint(address: string, port: number): string {
  const plain = plainAddress(address);
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}
