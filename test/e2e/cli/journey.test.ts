/** The way of an author and of an operator, with the real command and a real kernel: create, test, start, deploy, change, back, stop. */
import { deepStrictEqual, match, ok, strictEqual } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdminClient } from '@sluice/kernel/admin/client';
import { endAll, interrupt, lineOf, sluice, spawnSluice } from './sluice-process.js';

describe('sluice from create to stop', function () {
  this.timeout(120_000);
  let folder: string;
  let bundle: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-journey-'));
    bundle = join(folder, 'hello');
    strictEqual((await sluice(folder, 'create', 'hello')).code, 0);
  });
  afterEach(endAll);
  after(() => rmSync(folder, { recursive: true, force: true }));

  const edit = (from: string, to: string): void => {
    const file = join(bundle, 'domain/greeter.ts');
    writeFileSync(file, readFileSync(file, 'utf8').replace(from, to));
  };
  it('creates a bundle whose types and tests are good, and refuses to do it twice', async () => {
    const { code, out, errors } = await sluice(bundle, 'test');
    deepStrictEqual([code, /2 passing/.test(out)], [0, true], out + errors);
    edit('return `', 'return 5 + `');
    strictEqual((await sluice(bundle, 'test', '--no-types')).code, 8);
    edit('return 5 + `', 'return `');
    strictEqual((await sluice(folder, 'create', 'hello')).code, 5);
  });

  it('creates a bundle that brings the command along, for npx and for its own scripts', () => {
    const npm = (...words: readonly string[]): string => execFileSync('npm', words, { cwd: bundle, encoding: 'utf8' });
    match(npm('exec', '--no', 'sluice', '--', '--version'), /^\d+\.\d+\.\d+\s*$/);
    match(npm('run', 'build'), /build\/bundles\/hello-1\.0\.0\.tgz {2}\d+ bytes/);
  });

  it('runs a kernel, replaces the bundle, configures it, goes back, backs up and stops', async () => {
    const kernel = spawnSluice(folder, ['start', '--no-bundles', '--data', 'data']);
    const closed = new Promise<number | null>((done) => kernel.on('close', done));
    await lineOf(kernel, (line) => line.startsWith('Started in'));
    strictEqual((await sluice(folder, 'start', '--no-bundles', '--data', 'data')).code, 5);

    strictEqual((await sluice(folder, 'deploy', 'hello', '--data', 'data', '--watch', '0')).code, 0);
    writeFileSync(join(bundle, 'package.json'), readFileSync(join(bundle, 'package.json'), 'utf8').replace('"1.0.0"', '"1.1.0"'));
    const second = await sluice(folder, 'deploy', 'hello', '--data', 'data', '--watch', '0');
    match(second.out, /swap\s+hello\s+1\.0\.0 → 1\.1\.0[\s\S]*Done in .*generation 2/);

    const client = new AdminClient(join(folder, 'data'), 'test');
    deepStrictEqual(await client.configOf('hello'), [{ key: 'greeting', value: 'Hello', layer: 'shipped', secret: false }]);
    strictEqual((await sluice(folder, 'rollback', 'hello', '--data', 'data', '--watch', '0')).code, 0);
    const [summary] = await client.bundles();
    deepStrictEqual([summary?.symbolicName, summary?.version, summary?.state, summary?.revision], ['hello', '1.0.0', 'ACTIVE', 3]);
    deepStrictEqual(
      (await client.history()).map((entry) => [entry.kind, entry.outcome, entry.generation]),
      [
        ['deploy', 'committed', 1],
        ['deploy', 'committed', 2],
        ['rollback', 'committed', 3],
      ],
    );
    ok(existsSync((await client.backup(join(folder, 'copy.tgz'))).path));

    match((await sluice(folder, 'stop', '--data', 'data')).out, /^Stopped in/);
    strictEqual(await closed, 0);
    strictEqual((await sluice(folder, 'status', '--data', 'data')).code, 6);

    strictEqual((await sluice(folder, 'restore', 'copy.tgz', '--data', 'restored')).code, 0);
    const again = spawnSluice(folder, ['start', '--data', 'restored']);
    match(await lineOf(again, (line) => line.startsWith('Started in')), /1 of 1 bundles active, generation 3/);
    strictEqual(await interrupt(again), 0);
  });

  it('redeploys on save, keeps the version before when a save is broken, and ends its own kernel', async () => {
    const dev = spawnSluice(bundle, ['dev', '--json', '--data', '../dev-data', '--bundles', folder]);
    // A save may be answered twice when it is read while it is written, so each wait is for the kind of answer that matters.
    const turn = async (kind: 'bundle' | 'error', change?: () => void): Promise<unknown> => {
      const line = lineOf(dev, (text) => text.startsWith(`{"${kind}":`));
      change?.();
      return (JSON.parse(await line) as Record<string, unknown>)[kind];
    };
    strictEqual(await turn('bundle'), 'hello');
    strictEqual(await turn('bundle', () => edit('name}!', 'name}.')), 'hello');
    const { code } = (await turn('error', () => edit('return `', 'return ('))) as { code: string };
    strictEqual(code, 'BUILD_SYNTAX');
    strictEqual(await turn('bundle', () => edit('return (', 'return `')), 'hello');
    strictEqual(await interrupt(dev), 0);
    strictEqual((await sluice(folder, 'status', '--data', 'dev-data')).code, 6);
  });
});
