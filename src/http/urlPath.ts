/**
 * The segments of a URL path, each percent-decoded exactly once, so that an encoded slash stays inside its segment
 * (RFC 3986, 2.2 and 2.4). Undefined when an escape is malformed.
 */
export function pathSegments(path: string): readonly string[] | undefined {
  try {
    return path.split('/').slice(1).map(decodeURIComponent);
  } catch {
    return undefined;
  }
}
