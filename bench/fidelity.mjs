// Is what was published in the file? Compares the MD5 of every coded packet, per track and in order.
import { execFileSync } from 'node:child_process';

/** MD5 sums of the packets of each track, in order; a file that cannot be read has none. */
function packetSums(path) {
  const args = [
    '-nostdin',
    '-v',
    'error',
    '-i',
    path,
    '-map',
    '0:v',
    '-map',
    '0:a',
    '-c',
    'copy',
    '-f',
    'framemd5',
    '-',
  ];
  const text = execFileSync('ffmpeg', args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const tracks = {};
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const fields = line.split(',');
    (tracks[fields[0]] ??= []).push(fields[5].trim());
  }
  return tracks;
}

/** @returns a function that says in one word, `equal`, or in numbers how a file differs from the source. */
export function comparer(sourcePath) {
  const source = packetSums(sourcePath);
  return (path) => {
    let found;
    try {
      found = packetSums(path);
    } catch {
      return 'unreadable';
    }
    const differing = Object.entries(source).filter(
      ([track, sums]) => sums.join() !== (found[track] ?? []).join(),
    );
    if (differing.length === 0) return 'equal';
    return differing
      .map(([track, sums]) => `track ${track}: ${found[track]?.length ?? 0}/${sums.length}`)
      .join(', ');
  };
}
