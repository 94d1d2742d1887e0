/** The configuration bundle in the real kernel against real files, a real watcher and the real clock. */
import { deepStrictEqual as equal, rejects } from 'node:assert';
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeOf } from '@sluice/sdk';
import { TestRuntime } from '@sluice/kernel/testing';
import configBundle from '../../../plugins/system/config/activator.js';
import { ConfigFolder } from '../../../plugins/system/config/adapters/config-folder.js';
import { configured, quick } from './configured-bundle.js';
import { dataPath, logged, systemBundle } from './system-bundle.js';

describe('system.config in the kernel', () => {
  let runtime: TestRuntime;
  const path = (...names: string[]): string => dataPath(runtime, 'config', ...names);
  beforeEach(async () => void (runtime = await TestRuntime.boot({ time: 'real' })));
  afterEach(() => runtime.stop());

  it("gives a bundle shipped values, then the operator's, then those of run time, also in later revisions of itself", async () => {
    const { bundle, seen } = configured();
    const calm = { ...quick, scanPeriodMs: 3_600_000 };
    await runtime.deploy(systemBundle('config', configBundle, calm), bundle);
    await writeFile(path('core.ledger.json'), '{"limit": 3}');
    await runtime.deploy(systemBundle('config', configBundle, calm, '1.1.0'));
    await runtime.kernel.configSet('core.ledger', { limit: 4 }, 'anna');
    await runtime.deploy(systemBundle('config', configBundle, calm, '1.2.0'));
    await runtime.kernel.configSet('core.ledger', { limit: null }, 'anna');
    equal(seen, [{ limit: 2 }, { limit: 4 }, { limit: 3 }]);
    equal(await readdir(path('runtime')), ['core.ledger.json']);
    equal((await stat(path('runtime', 'core.ledger.json'))).mode & 0o777, 0o600);
    const history = await runtime.kernel.configHistory('core.ledger');
    equal(
      history.map(({ actor, layer, before, after }) => [actor, layer, before, after]),
      [
        ['file', 'operator', undefined, 3],
        ['anna', 'runtime', undefined, 4],
        ['anna', 'runtime', 4, undefined],
      ],
    );
  });

  it('refuses what the schema or the operator forbids, and changes nothing', async () => {
    const { bundle, seen } = configured();
    await writeFile(path('core.ledger.json'), '{"$locked": ["limit"], "limit": 3}');
    await runtime.deploy(systemBundle('config', configBundle, quick), bundle);
    const codes: string[] = [];
    for (const values of [{ limit: 'many' }, { other: 1 }, { limit: 5 }]) {
      await runtime.kernel.configSet('core.ledger', values, 'anna').catch((error: unknown) => codes.push(codeOf(error)));
    }
    equal([codes, seen], [['CONFIG_INVALID', 'CONFIG_INVALID', 'CONFIG_KEY_LOCKED'], [{ limit: 3 }]]);
    equal(await readdir(path('runtime')), []);
  });

  it('finds a file written in place and one renamed into place by scanning alone', async () => {
    const { bundle, seen, next } = configured();
    await runtime.deploy(systemBundle('config', configBundle, quick), bundle);
    const written = next();
    await writeFile(path('core.ledger.json'), '{"limit": 5}');
    await written;
    const renamed = next();
    await writeFile(path('core.ledger.new'), '{"limit": 6}');
    await rename(path('core.ledger.new'), path('core.ledger.json'));
    await renamed;
    const removed = next();
    await rm(path('core.ledger.json'));
    await removed;
    equal(seen, [{ limit: 2 }, { limit: 5 }, { limit: 6 }, { limit: 2 }]);
  });

  it('finds a change through the watcher long before the next scan', async () => {
    const { bundle, next } = configured();
    await runtime.deploy(systemBundle('config', configBundle, { scanPeriodMs: 3_600_000, settleMs: 10, watch: true }), bundle);
    const changed = next();
    await writeFile(path('core.ledger.json'), '{"limit": 5}');
    equal(await changed, { limit: 5 });
  });

  it('keeps the values of before while a file is broken, and says so', async () => {
    const { bundle, seen, next } = configured();
    await writeFile(path('core.ledger.json'), '{"limit": 3}');
    await runtime.deploy(systemBundle('config', configBundle, quick), bundle);
    await writeFile(path('core.ledger.json'), '{"limit": ');
    await logged(runtime, 'system.config', "Cannot read the operator configuration of 'core.ledger'");
    const mended = next();
    await writeFile(path('core.ledger.json'), '{"limit": 4}');
    await mended;
    equal(seen, [{ limit: 3 }, { limit: 4 }]);
  });

  it('resolves secrets from the environment and from files, and shows none', async () => {
    const { bundle, seen, next } = configured();
    const secret = path('..', 'secret');
    await writeFile(secret, 'from-file\n');
    process.env['SLUICE_TEST_KEY'] = 'from-environment';
    await writeFile(path('core.ledger.json'), '{"password": {"$env": "SLUICE_TEST_KEY"}}');
    try {
      await runtime.deploy(systemBundle('config', configBundle, quick));
      await runtime.deploy(bundle);
    } finally {
      delete process.env['SLUICE_TEST_KEY'];
    }
    equal(seen, [{ limit: 2, password: 'from-environment' }]);
    const changed = next();
    await writeFile(path('core.ledger.json'), JSON.stringify({ password: { $file: secret } }));
    equal(await changed, { limit: 2, password: 'from-file' });
    equal(
      (await runtime.kernel.configOf('core.ledger')).map(({ key, value }) => [key, value]),
      [
        ['limit', 2],
        ['password', '***'],
      ],
    );
    const files = await Promise.all((await readdir(path('history'))).map((name) => readFile(path('history', name), 'utf8')));
    equal(files.join().includes('from-'), false);
  });

  it('takes references to secrets at run time, checks what they lead to, and shows where they lead', async () => {
    const { bundle, seen } = configured();
    const open = { type: 'object', properties: { url: { type: 'string', minLength: 3 } } };
    process.env['SLUICE_TEST_URL'] = 'postgres://inside';
    process.env['SLUICE_TEST_SHORT'] = 'x';
    try {
      await runtime.deploy(systemBundle('config', configBundle, quick));
      await runtime.deploy({ ...bundle, manifest: { config: { schema: open } } });
      const short = runtime.kernel.configSet('core.ledger', { url: { $env: 'SLUICE_TEST_SHORT' } }, 'anna');
      await rejects(short, (error) => codeOf(error) === 'CONFIG_INVALID');
      const gone = runtime.kernel.configSet('core.ledger', { url: { $env: 'SLUICE_TEST_GONE' } }, 'anna');
      await rejects(gone, (error) => codeOf(error) === 'CONFIG_SECRET_UNRESOLVED');
      await runtime.kernel.configSet('core.ledger', { url: { $env: 'SLUICE_TEST_URL' } }, 'anna');
    } finally {
      delete process.env['SLUICE_TEST_URL'];
      delete process.env['SLUICE_TEST_SHORT'];
    }
    equal(seen, [{}, { url: 'postgres://inside' }]);
    process.env['SLUICE_TEST_URL'] = 'postgres://inside';
    equal(await runtime.kernel.configOf('core.ledger'), [
      { key: 'url', value: { $env: 'SLUICE_TEST_URL' }, layer: 'runtime', secret: false },
    ]);
    delete process.env['SLUICE_TEST_URL'];
  });

  it('refuses to start a bundle whose secret leads nowhere, and names it', async () => {
    const { bundle } = configured();
    await writeFile(path('core.ledger.json'), '{"password": {"$env": "SLUICE_TEST_GONE"}}');
    await runtime.deploy(systemBundle('config', configBundle, quick));
    await rejects(runtime.deploy(bundle), (error) => codeOf(error) === 'CONFIG_SECRET_UNRESOLVED');
  });
});

describe('system.config folder', () => {
  let base: string;
  beforeEach(async () => void (base = await mkdtemp(join(tmpdir(), 'sluice-config-'))));
  afterEach(() => rm(base, { recursive: true, force: true }));

  it('lists only files named like a bundle and leaves no temporary file', async () => {
    const folder = await ConfigFolder.open(base);
    for (const name of ['core.ledger.json', 'Not A Name.json', 'notes.txt', '.hidden.json']) await writeFile(join(base, name), '{}');
    await folder.write('runtime', 'core.ledger', '{"a":1}');
    equal([await folder.names('operator'), await folder.names('runtime')], [['core.ledger'], ['core.ledger']]);
    equal([await folder.read('runtime', 'core.ledger'), await folder.read('runtime', 'core.none')], ['{"a":1}', null]);
    equal(await readdir(join(base, 'runtime')), ['core.ledger.json']);
  });

  it('begins a new line after one that a crash cut off', async () => {
    const folder = await ConfigFolder.open(base);
    const path = join(base, 'history', 'core.ledger.ndjson');
    await writeFile(path, '{"a":1}\n{"cut');
    await folder.appendHistory('core.ledger', '{"b":2}\n');
    await folder.appendHistory('core.ledger', '{"c":3}\n');
    equal(await readFile(path, 'utf8'), '{"a":1}\n{"cut\n{"b":2}\n{"c":3}\n');
  });

  it('drops the older half of a history that grew too large', async () => {
    const folder = await ConfigFolder.open(base, 100);
    for (let index = 0; index < 12; index++) await folder.appendHistory('core.ledger', `{"number":${index + 10}}\n`);
    const lines = (await folder.history('core.ledger')).trim().split('\n');
    equal(lines.at(-1), '{"number":21}');
    equal(lines.length <= 7 && lines.every((line) => line.startsWith('{') && line.endsWith('}')), true);
  });

  it('refuses a file that is no configuration by its size', async () => {
    const folder = await ConfigFolder.open(base);
    await writeFile(folder.path('operator', 'core.ledger'), Buffer.alloc(1_048_577, ' '));
    await rejects(folder.read('operator', 'core.ledger'), (error) => codeOf(error) === 'CONFIG_FILE_TOO_LARGE');
  });
});
