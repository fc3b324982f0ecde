// Loaded into the server before its own code by bench/copies.mjs: counts the bytes that JavaScript moves from one place
// in memory to another, by who does it. SIGUSR2 has the counts written to BENCH_COPIES_FILE.
import { Buffer } from 'node:buffer';
import { renameSync, writeFileSync } from 'node:fs';
import process from 'node:process';

/** Less than this is no media: headers, timestamps, parameter sets. */
const MEDIA_BYTES = 64;
const OWN_CODE = /\/dist\/(.+?\.js):\d+/;
const byPlace = {};

function count(bytes) {
  if (!(bytes >= MEDIA_BYTES)) return;
  const place = OWN_CODE.exec(new Error('where').stack)?.[1] ?? 'Node.js and npm packages';
  byPlace[place] = (byPlace[place] ?? 0) + bytes;
}

/** Puts a function in place of a method; `bytesOf` tells from its arguments and result what it moved. */
function watch(owner, name, bytesOf) {
  const real = owner[name];
  owner[name] = function watched(...args) {
    const result = real.apply(this, args);
    for (const bytes of [bytesOf.call(this, args, result)].flat()) count(bytes);
    return result;
  };
}

const typedArray = Object.getPrototypeOf(Uint8Array.prototype);
const isBytes = (value) => ArrayBuffer.isView(value);

watch(Buffer.prototype, 'copy', (_, copied) => copied);
watch(typedArray, 'set', ([source]) => (isBytes(source) ? source.byteLength : 0));
watch(typedArray, 'slice', (_, copy) => copy.byteLength);
watch(typedArray, 'copyWithin', function moved([target, start = 0, end = this.length]) {
  return Math.min(end - start, this.length - target);
});
watch(Buffer, 'concat', ([list]) => list.map(({ byteLength }) => byteLength));
watch(Buffer, 'from', ([source]) => (isBytes(source) ? source.byteLength : 0));

const path = process.env.BENCH_COPIES_FILE;
process.on('SIGUSR2', () => {
  writeFileSync(`${path}.new`, JSON.stringify(byPlace));
  renameSync(`${path}.new`, path);
});
