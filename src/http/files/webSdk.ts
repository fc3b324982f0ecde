import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const BUNDLE = /^flashphoner[\w-]*(?:\.min)?\.js$/;

/** Folder of the installed npm package @flashphoner/websdk; undefined when it is not installed. */
export function webSdkDir(packageDir: string): string | undefined {
  try {
    return dirname(
      createRequire(join(packageDir, 'package.json')).resolve('@flashphoner/websdk/package.json'),
    );
  } catch {
    return undefined;
  }
}

/** True for the names that the Web SDK's bundles have, e.g. `flashphoner.js`. */
export function isWebSdkBundle(name: string): boolean {
  return BUNDLE.test(name);
}
