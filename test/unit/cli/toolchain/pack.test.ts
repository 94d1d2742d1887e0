/** Building and packing bundle folders: what comes out, that it is the same twice, and every refusal. */
import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert';
import { existsSync, readFileSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isSluiceError } from '@sluice/sdk';
import { buildAll } from '@sluice/kernel/cli/toolchain/build-all';
import { buildBundle } from '@sluice/kernel/cli/toolchain/build';
import { DefinitionReader } from '@sluice/kernel/cli/toolchain/definition-reader';
import { packBundle } from '@sluice/kernel/cli/toolchain/pack';
import { readArchive } from '@sluice/kernel/host/archive';
import { packageJson, SAMPLE, temporaryFolder, writeFiles } from './folders.js';

describe('pack', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  const reader = new DefinitionReader();

  beforeEach(() => (folder = temporaryFolder()));
  afterEach(() => folder.remove());
  after(() => reader.close());

  const pack = (version?: string) =>
    packBundle(folder.path, { outDir: join(folder.path, 'out'), reader, ...(version === undefined ? {} : { version }) });

  it('makes an artifact with the derived contracts and everything that belongs into it', async () => {
    writeFiles(folder.path, SAMPLE);
    const packed = await pack();
    const bytes = readFileSync(packed.file);
    const { entries, packageJson: written } = readArchive(bytes);
    strictEqual(packed.file, join(folder.path, 'out', 'test.sample-1.0.0.tgz'));
    deepStrictEqual([...entries.keys()].sort(), [
      'CHANGELOG.md',
      'README.md',
      'dist/bundle.cjs',
      'dist/bundle.cjs.map',
      'migrations/0001.sql',
      'package.json',
      'public/a/index.html',
      'public/b.txt',
    ]);
    const greet = { args: [{ type: 'string' }], result: { type: 'number' }, sync: false };
    deepStrictEqual(written, {
      name: '@test/sample',
      version: '1.0.0',
      description: 'A sample',
      license: 'Apache-2.0',
      main: 'dist/bundle.cjs',
      sluice: {
        sdk: '^1.0.0',
        symbolicName: 'test.sample',
        permissions: { builtins: ['node:crypto'] },
        provides: [
          { contract: 'sluice.http.Routes', version: '1.0.0', methods: {} },
          { contract: 'test.Greeting', version: '1.2.3', methods: { greet } },
        ],
        requires: [
          { contract: 'test.Clock', range: '^0.3.0', optional: true },
          { contract: 'test.Other', range: '^2.4.0', optional: true },
        ],
      },
    });
    deepStrictEqual(packed.requires, ['test.Clock@^0.3.0', 'test.Other@^2.4.0']);
  });

  it('packs a fragment as it is: its files, no code, nothing derived', async () => {
    writeFiles(folder.path, {
      'package.json': JSON.stringify({
        name: '@test/texts',
        version: '1.0.0',
        sluice: { sdk: '^1.0.0', fragment: { host: 'test.sample', config: { limit: 1 } } },
      }),
      'public/de.txt': 'hallo',
    });
    const packed = await pack();
    const { entries, packageJson: written } = readArchive(readFileSync(packed.file));
    deepStrictEqual(
      [[...entries.keys()].sort(), written],
      [
        ['package.json', 'public/de.txt'],
        {
          name: '@test/texts',
          version: '1.0.0',
          sluice: { sdk: '^1.0.0', fragment: { host: 'test.sample', config: { limit: 1 } }, symbolicName: 'texts' },
        },
      ],
    );
  });

  it('makes the same bytes of the same content, and another file of another version', async () => {
    writeFiles(folder.path, SAMPLE);
    const first = await pack();
    const before = readFileSync(first.file);
    const second = await pack();
    ok(before.equals(readFileSync(second.file)));
    const other = await pack('2.0.0-dev.1');
    deepStrictEqual(
      [other.version, other.file.endsWith('test.sample-2.0.0-dev.1.tgz'), other.digest === first.digest],
      ['2.0.0-dev.1', true, false],
    );
  });

  it('builds code whose stacks and metadata are those of the sources', async () => {
    writeFiles(folder.path, SAMPLE);
    const built = await buildBundle(folder.path);
    deepStrictEqual(built.requires, ['@sluice/sdk', 'node:crypto', 'tsyringe']);
    deepStrictEqual((JSON.parse(built.map) as { sources: string[] }).sources.sort(), [
      '../activator.ts',
      '../contract.ts',
      '../domain/greeter.ts',
    ]);
    ok(/design:paramtypes[^\]]*Hasher/.test(built.code.replace(/\s+/g, ' ')));
    deepStrictEqual(built.warnings, []);
  });

  const activator = (body: string): Record<string, string> => ({ 'package.json': packageJson(), 'activator.ts': body });
  const definition = `import { defineBundle } from '@sluice/sdk'; export default defineBundle({});`;

  const refusals: readonly (readonly [string, Record<string, string>, string, RegExp])[] = [
    ['a folder without package.json', { 'activator.ts': definition }, 'BUILD_PACKAGE_MISSING', /no package.json/],
    ['a broken package.json', { 'package.json': '{ "name": ' }, 'BUILD_PACKAGE_INVALID', /cannot be read/],
    ['a package.json that is no bundle', { 'package.json': '{}' }, 'BUILD_REFUSED', /"name".*"version".*'sluice' section.*'activator.ts'/s],
    [
      'an unresolved import',
      activator(`import x from './none.js'; ${definition} x;`),
      'BUILD_IMPORT_UNRESOLVED',
      /none.js.*activator.ts:1:15/,
    ],
    ['a syntax error', activator(`export default {`), 'BUILD_SYNTAX', /activator.ts:1:/],
    [
      'a missing export that is no type',
      { ...activator(`import { nothing } from './other.js'; ${definition} nothing();`), 'other.ts': 'export const some = 1;' },
      'BUILD_EXPORT_MISSING',
      /'other.ts' has no export named 'nothing'/,
    ],
    [
      'import()',
      activator(`${definition} export const later = (name: string) => import(name);`),
      'BUILD_DYNAMIC_IMPORT',
      /activator.ts:1:/,
    ],
    [
      'undeclared built-ins, however they are named',
      activator(
        `import { readFileSync } from 'fs'; import { join } from 'node:path'; ${definition} export const x = [readFileSync, join];`,
      ),
      'BUILD_BUILTIN_UNDECLARED',
      /node:fs, node:path/,
    ],
    [
      'a packed host package',
      activator(`import Koa from 'koa/lib/request.js'; ${definition} export const x = Koa;`),
      'BUILD_REFUSED',
      /'koa' would be packed/,
    ],
    [
      'a packed part of reflect-metadata',
      activator(`import 'reflect-metadata/lite'; ${definition}`),
      'BUILD_PACKED_HOST_PACKAGE',
      /'reflect-metadata' would be packed/,
    ],
    [
      'a native add-on',
      { ...activator(`import native from './native.node'; ${definition} export const x = native;`), 'native.node': 'binary' },
      'BUILD_NATIVE_ADDON',
      /native add-on 'native.node'/,
    ],
    [
      'another bundle',
      {
        ...activator(`import { x } from './neighbour/x.js'; ${definition} export const y = x;`),
        'neighbour/package.json': packageJson({}, { name: '@test/neighbour' }),
        'neighbour/x.ts': 'export const x = Date.now();',
      },
      'BUILD_IMPORTS_BUNDLE',
      /imports '@test\/neighbour'/,
    ],
    ['no definition', activator(`export default { activate() {} };`), 'BUILD_DEFINITION_MISSING', /found an object with activate/],
    [
      'a throw while loading',
      activator(`${definition}\nthrow new Error('at once');`),
      'BUILD_EVALUATION_FAILED',
      /at once \(activator.ts:2:7\)/,
    ],
    ['an end of the process while loading', activator(`${definition}\nprocess.exit(3);`), 'BUILD_EVALUATION_FAILED', /exit code 3/],
    [
      'every mistake of a manifest at once',
      { 'package.json': packageJson({ startLvel: 3, startTimeoutMs: -1 }), 'activator.ts': definition },
      'BUILD_REFUSED',
      /startLvel.*startTimeoutMs/s,
    ],
    [
      'a state without version',
      activator(
        `import { defineBundle } from '@sluice/sdk'; export default defineBundle({ state: { exportState: () => 1, importState() {} } });`,
      ),
      'BUILD_STATE_VERSION_MISSING',
      /no stateVersion/,
    ],
    [
      'a version without state',
      { 'package.json': packageJson({ stateVersion: 1 }), 'activator.ts': definition },
      'BUILD_STATE_HANDOVER_MISSING',
      /no `state`/,
    ],
  ];
  for (const [what, files, code, message] of refusals) {
    it(`refuses ${what}`, async () => {
      writeFiles(folder.path, files);
      await rejects(pack(), (error) => {
        ok(isSluiceError(error), String(error));
        deepStrictEqual([error.code, message.test(error.message)], [code, true], error.message);
        return true;
      });
      ok(!existsSync(join(folder.path, 'out')));
    });
  }

  it('refuses links among the resources', async () => {
    writeFiles(folder.path, SAMPLE);
    symlinkSync('/etc/hostname', join(folder.path, 'public', 'link'));
    await rejects(pack(), { code: 'BUILD_RESOURCE_INVALID', message: /'public\/link' is neither a file nor a folder/ });
    unlinkSync(join(folder.path, 'public', 'link'));
  });

  it('packs all bundles of a root, and again only what changed', async () => {
    const bundle = (name: string): Record<string, string> => ({
      [`plugins/core/${name}/package.json`]: packageJson({ symbolicName: `core.${name}` }),
      [`plugins/core/${name}/activator.ts`]: `import { value } from './value.js'; ${definition} export const x = value;`,
      [`plugins/core/${name}/value.ts`]: `export const value = 1;`,
    });
    writeFiles(folder.path, {
      ...bundle('one'),
      ...bundle('two'),
      'plugins/api/x-api/package.json': '{}',
      'plugins/core/empty/note.txt': '',
    });
    const outcome = async (): Promise<unknown[]> =>
      (await buildAll(folder.path)).map((entry) => ('packed' in entry ? [entry.packed.symbolicName, entry.skipped] : String(entry.error)));
    deepStrictEqual(await outcome(), [
      ['core.one', false],
      ['core.two', false],
    ]);
    deepStrictEqual(await outcome(), [
      ['core.one', true],
      ['core.two', true],
    ]);
    writeFiles(folder.path, { 'plugins/core/two/value.ts': 'export const value = 2;', 'plugins/core/one/public/new.txt': 'x' });
    deepStrictEqual(await outcome(), [
      ['core.one', false],
      ['core.two', false],
    ]);
    writeFiles(folder.path, { 'plugins/core/two/value.ts': 'export const value = ;' });
    const [one, two] = await outcome();
    deepStrictEqual(one, ['core.one', true]);
    ok(String(two).includes('value.ts'));
    unlinkSync(join(folder.path, 'build/bundles/core.one-1.0.0.tgz'));
    deepStrictEqual((await outcome())[0], ['core.one', false]);
  });
});
