/** Releases as operators have them: the real command line, a kernel as a process of its own, the whole bank. */
import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChangeOutcome, DesiredStateDocument, ReleaseEntry } from '@sluice/kernel/admin/contract';
import { sluice } from '../../e2e/cli/sluice-process.js';
import { withChanges } from '../../support/artifacts.js';
import { BUNDLES, freePort, System } from '../../support/system.js';

const MOBILE = 'channel.mobile';

describe('releases on the command line', function () {
  this.timeout(120_000);
  let folder: string;
  let system: System;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-releases-'));
    mkdirSync(join(folder, 'next'));
    system = await System.start();
    writeFileSync(join(folder, 'next/mobile.tgz'), withChanges(system.artifact(MOBILE), { version: '1.1.0' }));
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ [MOBILE]: { demoReversal: false } }));
  });
  after(async () => {
    await system.stop();
    rmSync(folder, { recursive: true });
  });

  const run = (...words: readonly string[]) => sluice(folder, ...words, '--data', system.dataFolder);
  async function json<T>(...words: readonly string[]): Promise<T> {
    const { out, errors } = await run(...words, '--json');
    assert.notEqual(out, '', errors);
    return JSON.parse(out) as T;
  }
  const valueOf = async (key: string): Promise<string> => (await run('config', 'get', MOBILE, key)).out.trim();
  const version = async (): Promise<string | undefined> =>
    (await system.admin.bundles()).find(({ symbolicName }) => symbolicName === MOBILE)?.version;

  it('are made of artifacts, planned as data, deployed, listed, compared and taken back', async () => {
    const created = await run('release', 'create', 'bank', '1.1.0', 'next/mobile.tgz', '--config', 'config.json', '--note', 'reversals');
    assert.equal(created.code, 0, created.errors);
    const file = JSON.parse(readFileSync(join(folder, 'bank-1.1.0.json'), 'utf8')) as {
      bundles: readonly { source: string; digest: string }[];
    };
    assert.equal(file.bundles[0]?.source, './next/mobile.tgz');

    const planned = await json<ChangeOutcome>('plan', 'bank-1.1.0.json');
    assert.deepEqual(
      planned.plan.changes.map(({ action, symbolicName, from, to }) => [action, symbolicName, from, to]),
      [['swap', MOBILE, '1.0.0', '1.1.0']],
    );
    assert.deepEqual(planned.plan.configuration, [{ bundle: MOBILE, key: 'demoReversal', after: false }]);
    assert.equal(await version(), '1.0.0');

    const deployed = await run('deploy', 'bank-1.1.0.json', '--watch', '0');
    assert.equal(deployed.code, 0, deployed.errors);
    assert.deepEqual([await version(), await valueOf('demoReversal')], ['1.1.0', 'false']);
    const [entry] = await json<ReleaseEntry[]>('releases');
    assert.deepEqual([entry?.name, entry?.version, entry?.outcome, entry?.note], ['bank', '1.1.0', 'confirmed', 'reversals']);
    assert.deepEqual((await json<{ release: object }>('status')).release, { name: 'bank', version: '1.1.0' });

    writeFileSync(join(folder, 'shown.json'), (await run('release', 'show', 'bank@1.1.0')).out);
    assert.deepEqual(await json('release', 'diff', 'bank@1.1.0', 'shown.json'), []);

    const back = await run('rollback', '--release');
    assert.equal(back.code, 0, back.errors);
    assert.deepEqual([await version(), await valueOf('demoReversal')], ['1.0.0', 'true']);
    assert.deepEqual(await json('release', 'diff', 'bank@1.1.0', 'running'), [
      { what: 'bundle', subject: MOBILE, before: '1.1.0', after: '1.0.0' },
      { what: 'configuration', subject: `${MOBILE}.demoReversal`, before: 'false', after: null },
    ]);
    assert.equal((await run('rollback', '--release')).code, 5);
  });

  it('that are temporary survive a restart as what they are, keep others out, and return by hand', async () => {
    const deployed = await run('deploy', 'bank-1.1.0.json', '--temporary', '1h');
    assert.equal(deployed.code, 0, deployed.errors);
    const { trial } = await system.admin.status();
    assert.equal(trial?.temporary, true);
    await system.kill();
    await system.launch();
    const again = (await system.admin.status()).trial;
    assert.deepEqual([await version(), again?.temporary, await valueOf('demoReversal')], ['1.1.0', true, 'false']);
    assert.ok(Math.abs((again?.endsAt ?? 0) - trial.endsAt) < 1_500, 'the deadline is the one set at the commit');
    const refused = await run('deploy', 'next/mobile.tgz');
    assert.deepEqual([refused.code, /DEPLOY_TEMPORARY/.test(refused.errors)], [5, true]);
    assert.equal((await run('rollback', '--release')).code, 7);
    assert.deepEqual([await version(), await valueOf('demoReversal')], ['1.0.0', 'true']);
    assert.equal((await json<ReleaseEntry[]>('releases')).at(-1)?.outcome, 'rolled-back');
    // A single artifact may be temporary too; who waits for the verdict is told the right one.
    assert.equal((await run('deploy', 'next/mobile.tgz', '--temporary', '1s', '--wait')).code, 7);
    assert.equal(await version(), '1.0.0');
  });

  it('of two operators with the same plan: one wins, the other is told the generation', async () => {
    for (const name of ['a', 'b']) {
      writeFileSync(join(folder, `${name}.tgz`), withChanges(system.artifact(MOBILE), { version: name === 'a' ? '1.2.0' : '1.3.0' }));
      const planned = await run('plan', `${name}.tgz`, '--out', `${name}.plan.json`);
      assert.equal(planned.code, 0, planned.errors);
    }
    const { generation } = await system.admin.status();
    const outcomes = await Promise.all([
      run('deploy', 'a.plan.json', '--watch', '0', '--json'),
      run('deploy', 'b.plan.json', '--watch', '0', '--json'),
    ]);
    assert.deepEqual(outcomes.map(({ code }) => code).sort(), [0, 5]);
    const lost = outcomes.find(({ code }) => code === 5);
    const { error } = JSON.parse(lost?.errors ?? '') as { error: { code: string; details: object } };
    assert.deepEqual([error.code, error.details], ['GENERATION_CONFLICT', { expected: generation, found: generation + 1 }]);
    assert.equal((await system.admin.status()).generation, generation + 1);
  });

  it('a plan of other contents than those found is not carried out', async () => {
    writeFileSync(join(folder, 'c.tgz'), withChanges(system.artifact(MOBILE), { version: '1.4.0' }));
    assert.equal((await run('plan', 'c.tgz', '--out', 'c.plan.json')).code, 0);
    writeFileSync(join(folder, 'c.tgz'), withChanges(system.artifact(MOBILE), { version: '1.5.0' }));
    const { code, errors } = await run('deploy', 'c.plan.json');
    assert.deepEqual([code, /PLAN_OUTDATED/.test(errors)], [5, true]);
  });

  it('a whole state is exported and brings an empty folder to the same content', async () => {
    await run('stop', 'system.deployer');
    await run('config', 'set', MOBILE, 'demoReversal=false');
    const exported = await run('export', 'state.json', '--artifacts');
    assert.equal(exported.code, 0, exported.errors);
    const other = await System.start({ bundles: mkdtempSync(join(tmpdir(), 'sluice-empty-')) });
    try {
      const on = (...words: readonly string[]) => sluice(folder, ...words, '--data', other.dataFolder);
      const value = JSON.parse(readFileSync(join(folder, 'state.json'), 'utf8')) as DesiredStateDocument & {
        configuration: Record<string, object>;
      };
      value.configuration['system.http'] = { port: await freePort() };
      writeFileSync(join(folder, 'state.json'), JSON.stringify(value));
      const imported = await on('import', 'state.json');
      assert.equal(imported.code, 0, imported.errors);
      const [one, two] = [await system.admin.desiredState(), await other.admin.desiredState()];
      assert.deepEqual(byName(two.bundles), byName(one.bundles));
      assert.deepEqual(two.configuration[MOBILE], one.configuration[MOBILE]);
      assert.equal(two.startLevel, one.startLevel);
      assert.equal((await other.admin.inspect('system.deployer')).state, 'INSTALLED');
      assert.equal((await fetch(`${(await other.admin.status()).addresses[0]}/health/ready`)).status, 200);
      await other.kill();
      await other.launch();
      assert.deepEqual(byName((await other.admin.desiredState()).bundles), byName(one.bundles));
      assert.deepEqual(
        await on('import', 'state.json', '--dry-run', '--json').then(({ out }) => (JSON.parse(out) as ChangeOutcome).plan.configuration),
        undefined,
      );
    } finally {
      await other.stop();
    }
  });

  it('without the artifacts, a state takes them from the places of the command line', async () => {
    assert.equal((await run('export', 'bare.json')).code, 0);
    const value = JSON.parse(readFileSync(join(folder, 'bare.json'), 'utf8')) as { bundles: { name: string }[] };
    value.bundles = value.bundles.filter(({ name }) => name === 'system.config' || name === 'system.log');
    writeFileSync(join(folder, 'bare.json'), JSON.stringify({ ...value, configuration: {} }));
    const other = await System.start({ bundles: mkdtempSync(join(tmpdir(), 'sluice-empty-')) });
    try {
      const on = (...words: readonly string[]) => sluice(folder, ...words, '--data', other.dataFolder);
      const missing = await on('import', 'bare.json', '--from', join(folder, 'next'));
      assert.deepEqual([missing.code, /RELEASE_ARTIFACT_MISSING/.test(missing.errors)], [3, true]);
      const imported = await on('import', 'bare.json', '--from', BUNDLES);
      assert.equal(imported.code, 0, imported.errors);
      assert.deepEqual((await other.admin.bundles()).map(({ symbolicName }) => symbolicName).sort(), ['system.config', 'system.log']);
    } finally {
      await other.stop();
    }
  });
});

function byName<T extends { readonly name: string }>(bundles: readonly T[]): T[] {
  return [...bundles].sort((a, b) => (a.name < b.name ? -1 : 1));
}
