/** The configuration bundle against real files, a real watcher and the real clock. */
import { deepStrictEqual as equal } from 'node:assert';
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigSource, type ConfigSourceService } from '@sluice/sdk';
import { SystemClock } from '@sluice/kernel/host/clock';
import configBundle, { type ConfigConfig } from '../../../plugins/system/config/activator.js';
import { ConfigFolder } from '../../../plugins/system/config/adapters/config-folder.js';
import { BundleBench } from './bundle-bench.js';

const quick: ConfigConfig = { scanPeriodMs: 100, settleMs: 10, watch: false };

function nextChange(source: ConfigSourceService): Promise<string> {
  return new Promise((resolve) => {
    const stop = source.watch((bundle) => {
      stop();
      resolve(bundle);
    });
  });
}

describe('system.config bundle', () => {
  let bench: BundleBench;
  const path = (...parts: string[]): string => join(bench.folder, 'config', ...parts);
  beforeEach(async () => void (bench = await BundleBench.open(new SystemClock())));
  afterEach(() => bench.close());

  it('keeps run-time values over a restart, in files only the owner can read', async () => {
    const first = await bench.start(configBundle, 'system.config', quick);
    await bench.service(ConfigSource).set('core.ledger', { limit: 7 }, 'anna');
    await first.stop();
    await bench.start(configBundle, 'system.config', quick);
    equal((await bench.service(ConfigSource).layers('core.ledger'))[1], { layer: 'runtime', values: { limit: 7 } });
    equal(await readdir(path('runtime')), ['core.ledger.json']);
    equal((await stat(path('runtime', 'core.ledger.json'))).mode & 0o777, 0o600);
  });

  it('finds a file written in place and one renamed into place by scanning alone', async () => {
    await bench.start(configBundle, 'system.config', quick);
    const source = bench.service(ConfigSource);
    await source.layers('core.ledger');
    const written = nextChange(source);
    await writeFile(path('core.ledger.json'), '{"limit": 1}');
    equal(await written, 'core.ledger');
    const renamed = nextChange(source);
    await writeFile(path('core.ledger.new'), '{"limit": 2}');
    await rename(path('core.ledger.new'), path('core.ledger.json'));
    equal(await renamed, 'core.ledger');
    equal((await source.layers('core.ledger'))[0]?.values, { limit: 2 });
  });

  it('finds a change through the watcher long before the next scan', async () => {
    await bench.start(configBundle, 'system.config', { scanPeriodMs: 3_600_000, settleMs: 10, watch: true });
    const source = bench.service(ConfigSource);
    await source.layers('core.ledger');
    const changed = nextChange(source);
    await writeFile(path('core.ledger.json'), '{"limit": 1}');
    equal(await changed, 'core.ledger');
    equal((await source.layers('core.ledger'))[0]?.values, { limit: 1 });
  });

  it('reads secrets from the environment and from files', async () => {
    process.env['SLUICE_TEST_KEY'] = 'from-environment';
    await writeFile(join(bench.folder, 'secret'), 'from-file\n');
    await mkdir(path());
    await writeFile(
      path('core.ledger.json'),
      JSON.stringify({ a: { $env: 'SLUICE_TEST_KEY' }, b: { $file: join(bench.folder, 'secret') } }),
    );
    await bench.start(configBundle, 'system.config', quick);
    try {
      equal((await bench.service(ConfigSource).layers('core.ledger'))[0]?.values, { a: 'from-environment', b: 'from-file' });
    } finally {
      delete process.env['SLUICE_TEST_KEY'];
    }
  });
});

describe('system.config folder', () => {
  let bench: BundleBench;
  beforeEach(async () => void (bench = await BundleBench.open(new SystemClock())));
  afterEach(() => bench.close());

  it('lists only files named like a bundle and leaves no temporary file', async () => {
    const folder = await ConfigFolder.open(bench.folder);
    for (const name of ['core.ledger.json', 'Not A Name.json', 'notes.txt', '.hidden.json'])
      await writeFile(join(bench.folder, name), '{}');
    await folder.write('runtime', 'core.ledger', '{"a":1}');
    equal([await folder.names('operator'), await folder.names('runtime')], [['core.ledger'], ['core.ledger']]);
    equal([await folder.read('runtime', 'core.ledger'), await folder.read('runtime', 'core.none')], ['{"a":1}', null]);
    equal(await readdir(join(bench.folder, 'runtime')), ['core.ledger.json']);
  });

  it('begins a new line after one that a crash cut off', async () => {
    const folder = await ConfigFolder.open(bench.folder);
    const path = join(bench.folder, 'history', 'core.ledger.ndjson');
    await writeFile(path, '{"a":1}\n{"cut');
    await folder.appendHistory('core.ledger', '{"b":2}\n');
    await folder.appendHistory('core.ledger', '{"c":3}\n');
    equal(await readFile(path, 'utf8'), '{"a":1}\n{"cut\n{"b":2}\n{"c":3}\n');
  });

  it('drops the older half of a history that grew too large', async () => {
    const folder = await ConfigFolder.open(bench.folder, 100);
    for (let index = 0; index < 12; index++) await folder.appendHistory('core.ledger', `{"number":${index + 10}}\n`);
    const lines = (await folder.history('core.ledger')).trim().split('\n');
    equal(lines.at(-1), '{"number":21}');
    equal(lines.length <= 7 && lines.every((line) => line.startsWith('{') && line.endsWith('}')), true);
  });
});
