/** Compiles the tests of a bundle folder with rolldown: each test file with the sources it uses, packages left outside. */
import { readdir, rm } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { refuseIfAny } from './problem.js';

/** Where compiled tests go, in the bundle folder. */
const TEST_OUTPUT = 'build/test';

/**
 * Compiles `test/**\/*.test.ts`.
 * @returns the paths of the compiled files.
 * @throws SluiceError `BUILD_TESTS_MISSING`, `BUILD_FAILED`.
 */
export async function compileTests(folder: string): Promise<string[]> {
  const names = await readdir(join(folder, 'test'), { recursive: true }).catch(() => []);
  const inputs = names.filter((name) => name.endsWith('.test.ts')).sort();
  if (inputs.length === 0) {
    refuseIfAny('build', folder, [
      { code: 'BUILD_TESTS_MISSING', message: 'it has no test/**/*.test.ts', remedy: 'Write one; `sluice create` shows how it looks' },
    ]);
  }
  const { rolldown } = await import('rolldown');
  const build = await rolldown({
    input: Object.fromEntries(inputs.map((name) => [name.replace(/\.ts$/, ''), join(folder, 'test', name)])),
    cwd: folder,
    platform: 'node',
    tsconfig: false,
    // The helpers of decorators are rolldown's own and have no package.
    external: (id) => !id.startsWith('.') && !isAbsolute(id) && !/^(\0|@oxc-project\/)/.test(id),
    shimMissingExports: true,
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
    transform: { decorator: { legacy: true, emitDecoratorMetadata: true }, target: 'node20' },
    onLog: () => undefined,
  });
  try {
    const output = join(folder, TEST_OUTPUT);
    await rm(output, { recursive: true, force: true });
    await build.write({ dir: output, format: 'cjs', sourcemap: true, entryFileNames: '[name].cjs', chunkFileNames: '[name]-[hash].cjs' });
    return inputs.map((name) => join(output, name.replace(/\.ts$/, '.cjs')));
  } catch (error) {
    refuseIfAny('build', folder, [{ code: 'BUILD_FAILED', message: (error as Error).message }]);
    throw error;
  } finally {
    await build.close();
  }
}
