import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** Folder of `src/ops` as JavaScript, inside node_modules so that packages are found from it. */
export interface CompiledOps {
  readonly dir: string;
  remove(): void;
}

/** Compiles `src/ops`, because a child process of Node 20 cannot run TypeScript. */
export function compileOps(): CompiledOps {
  const cache = join(process.cwd(), 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  const dir = mkdtempSync(join(cache, 'ops-'));
  for (const name of readdirSync('src/ops').filter((each) => each.startsWith('log'))) {
    const { outputText } = ts.transpileModule(readFileSync(join('src/ops', name), 'utf8'), {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2023,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    });
    writeFileSync(join(dir, name.replace(/\.ts$/, '.js')), outputText);
  }
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
