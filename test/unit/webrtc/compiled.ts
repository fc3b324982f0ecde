import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

/** JavaScript of `src` without types, in a folder from which packages are found. */
export interface Compiled {
  readonly dir: string;
  remove(): void;
}

/** Compiles the rooms that WebRTC reception needs, because a child process of Node 20 cannot run TypeScript. */
export function compileReception(): Compiled {
  const cache = join(process.cwd(), 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  const dir = mkdtempSync(join(cache, 'webrtc-'));
  for (const room of ['domain', 'util', 'streams', 'media', 'process', 'ingest/rtp', 'ingest/webrtc']) {
    for (const name of readdirSync(join('src', room)).filter((each) => each.endsWith('.ts'))) {
      const { outputText } = ts.transpileModule(readFileSync(join('src', room, name), 'utf8'), {
        compilerOptions: {
          module: ts.ModuleKind.ESNext,
          target: ts.ScriptTarget.ES2023,
          verbatimModuleSyntax: true,
          rewriteRelativeImportExtensions: true,
        },
      });
      const to = join(dir, room, name.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, outputText);
    }
  }
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
