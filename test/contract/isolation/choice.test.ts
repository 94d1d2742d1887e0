/** Who may run where: what the manifest asks for, what an operator chooses, what cannot cross, and what is kept. */
import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKernel } from '@sluice/kernel/host/runtime';
import { TestRuntime } from '@sluice/kernel/testing';
import { withChanges } from '../../support/artifacts.js';
import { sampleArtifact } from './tiers.js';

const SYNC_METHODS = `
const { contract, syncMethod, Type } = require('@sluice/sdk');
const Pure = contract('sample.Pure', '1.0.0', { decide: syncMethod([], Type.Null()) });
exports.default = { ...exports.default, provides: [Pure], activate: (context) => void context.register(Pure, { decide: () => null }) };
`;
const LOCAL_CONTRACT = `
const { localContract } = require('@sluice/sdk');
const Host = localContract('sample.Host', '1.0.0', ['take']);
exports.default = { ...exports.default, requires: [{ contract: Host, optional: true }], activate: () => undefined };
`;
const CLASS_IN_SERVICE = `
const { Job } = require('@sluice/sdk');
class Schedule {}
exports.default = { ...exports.default, provides: [Job], activate: (context) => void context.register(Job, { name: 'x', schedule: new Schedule(), run() {} }) };
`;
const THROWS = `exports.default = { ...exports.default, activate: () => { throw new Error('thrown in activate'); } };`;
const NO_CODE = `throw new Error('thrown while evaluated');`;

describe('choice of a tier', () => {
  let runtime: TestRuntime;
  beforeEach(async () => {
    runtime = await TestRuntime.boot({ time: 'real' });
  });
  afterEach(() => runtime.stop());

  const tierNow = (): string | undefined => runtime.kernel.bundles()[0]?.tier;

  it('takes the manifest’s tier, and a stronger one when told; never a weaker one', async () => {
    const artifact = withChanges(await sampleArtifact('neighbour'), { manifest: (section) => (section['isolation'] = 'worker') });
    const weak = await runtime.tryDeploy([artifact], { tier: 'inline' });
    assert.deepEqual([weak.outcome, weak.error?.code], ['refused', 'ISOLATION_TIER_TOO_WEAK']);
    const planned = await runtime.tryDeploy([artifact], { dryRun: true });
    assert.deepEqual(planned.plan.changes[0]?.tier, 'worker');
    await runtime.deploy(artifact);
    assert.equal(tierNow(), 'worker');
    const strong = await runtime.tryDeploy([artifact], { tier: 'process' });
    assert.deepEqual([strong.outcome, strong.plan.changes[0]?.action, tierNow()], ['committed', 'swap', 'process']);
  });

  it('moves a running bundle to another tier by a swap, and back with the trial', async () => {
    const artifact = await sampleArtifact('neighbour');
    await runtime.deploy(artifact);
    const outcome = await runtime.tryDeploy([artifact], { tier: 'worker', watchMs: 60_000 });
    assert.deepEqual([outcome.outcome, outcome.onTrial, tierNow()], ['committed', true, 'worker']);
    await runtime.kernel.rollback('sample.neighbour', { actor: 'test' });
    assert.equal(tierNow(), 'inline');
  });

  const refusals: readonly (readonly [string, string, RegExp, string | ((section: Record<string, unknown>) => void)])[] = [
    ['a synchronous method', 'ISOLATION_METHOD_SYNC', /'sample\.Pure', whose method 'decide'/, SYNC_METHODS],
    ['a local contract', 'ISOLATION_CONTRACT_LOCAL', /'sample\.Host'/, LOCAL_CONTRACT],
    [
      'a class instance in a service',
      'ISOLATION_VALUE_REFUSED',
      /'\/schedule' of service 'sluice\.scheduler\.Job'.*class 'Schedule'/,
      CLASS_IN_SERVICE,
    ],
    ['an exported package', 'ISOLATION_UNAVAILABLE', /exports package 'x'/, (section) => (section['exports'] = { x: 'dist/bundle.cjs' })],
    ['family system', 'ISOLATION_UNAVAILABLE', /objects of the kernel/, (section) => (section['family'] = 'system')],
    ['an activator that throws', 'UNEXPECTED', /thrown in activate/, THROWS],
    ['code that does not evaluate', 'LOAD_FAILED', /thrown while evaluated/, NO_CODE],
  ];
  for (const [what, code, message, change] of refusals) {
    it(`refuses ${what} at the deploy, and the version before serves on`, async () => {
      const artifact = await sampleArtifact('neighbour');
      await runtime.deploy(artifact);
      const changed = withChanges(artifact, {
        version: '1.1.0',
        ...(typeof change === 'string' ? { code: change } : {}),
        manifest: (section) => {
          if (typeof change === 'function') change(section);
          else section.provides = declared(change);
          if (change === LOCAL_CONTRACT) section.requires = [{ contract: 'sample.Host', range: '^1.0.0', optional: true }];
        },
      });
      const outcome = await runtime.tryDeploy([changed], { tier: 'worker' });
      assert.deepEqual(
        [outcome.outcome, outcome.error?.code === code || code === 'UNEXPECTED'],
        ['refused', true],
        `${outcome.error?.code}: ${outcome.error?.message}`,
      );
      assert.match(outcome.error?.message ?? '', message);
      assert.equal(runtime.kernel.bundles()[0]?.version, '1.0.0');
    });
  }
});

function declared(code: string): { contract: string; version: string }[] {
  const all = [{ contract: 'sample.Neighbour', version: '1.0.0' }];
  if (code === SYNC_METHODS) all.push({ contract: 'sample.Pure', version: '1.0.0' });
  if (code === CLASS_IN_SERVICE) all.push({ contract: 'sluice.scheduler.Job', version: '1.0.0' });
  return all;
}

describe('a chosen tier', () => {
  it('is part of the desired state: a kernel that starts again runs the bundle where it ran', async () => {
    const dataFolder = mkdtempSync(join(tmpdir(), 'sluice-tier-'));
    try {
      const first = await startKernel({ dataFolder, logLevel: 'fatal' });
      const outcome = await first.runtime.deploy([await sampleArtifact('neighbour')], { actor: 'test', tier: 'worker', watchMs: 0 });
      assert.equal(outcome.outcome, 'committed', outcome.error?.message);
      await first.close();
      const second = await startKernel({ dataFolder, logLevel: 'fatal' });
      const [found] = second.runtime.bundles();
      await second.close();
      assert.deepEqual([found?.tier, found?.state], ['worker', 'ACTIVE']);
    } finally {
      rmSync(dataFolder, { recursive: true, force: true });
    }
  });
});
