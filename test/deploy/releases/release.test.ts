import { createHash } from 'node:crypto';
import { strict as assert } from 'node:assert';
import { ConfigSource, contract, defineBundle, method, Type, type BundleDefinition } from '@sluice/sdk';
import type { ChangeOptions, ChangeOutcome } from '@sluice/kernel/lifecycle/runtime';
import type { Release } from '@sluice/kernel/model/index';
import { artifactOf } from '@sluice/kernel/testing/test-bundle';
import { settle, TestRuntime } from '@sluice/kernel/testing';
import { MemoryConfig } from './memory-config.js';

const Greeter = contract('test.Greeter', '1.0.0', { greet: method([], Type.String()) });
const Rates = contract('test.Rates', '1.0.0', { rate: method([], Type.Number()) });

const CONFIG = {
  schema: {
    type: 'object',
    additionalProperties: false,
    properties: { word: { type: 'string', default: 'hello' }, pin: { type: 'string', 'x-secret': true } },
  },
};

/** A greeter that answers with its version and its configuration. */
function greeter(version: string, more: Partial<BundleDefinition<{ word: string }>> = {}): Buffer {
  return artifactOf({
    symbolicName: 'test.greeter',
    version,
    manifest: { config: CONFIG },
    definition: defineBundle<{ word: string }>({
      provides: [Greeter],
      activate: (context) => {
        const { word } = context.config;
        context.register(Greeter, { greet: () => Promise.resolve(`${word} from ${version}`) });
      },
      ...more,
    }),
  });
}

function rates(version: string, rate: number): Buffer {
  return artifactOf({
    symbolicName: 'test.rates',
    version,
    definition: defineBundle({
      provides: [Rates],
      activate: (context) => void context.register(Rates, { rate: () => Promise.resolve(rate) }),
    }),
  });
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('a release', () => {
  let runtime: TestRuntime;
  let config: MemoryConfig;

  beforeEach(async () => {
    runtime = await TestRuntime.boot();
    config = new MemoryConfig();
    runtime.provide(ConfigSource, config);
  });
  afterEach(() => runtime.stop());

  function deploy(
    release: Partial<Release>,
    artifacts: readonly Uint8Array[] = [],
    options: Partial<ChangeOptions> = {},
  ): Promise<ChangeOutcome> {
    const whole = { name: 'bank', version: '1.0.0', bundles: [], ...release };
    return runtime.kernel.deployRelease(whole, artifacts, { actor: 'lin', ...options });
  }

  const greet = (): Promise<string> => runtime.service(Greeter).greet();
  const installed = (): readonly string[] => runtime.kernel.bundles().map(({ symbolicName, version }) => `${symbolicName}@${version}`);
  const outcomes = (): readonly string[] => runtime.kernel.releases().map(({ version, outcome }) => `${version} ${outcome}`);

  it('deploys bundles and configuration in one change, and its plan tells all of it beforehand', async () => {
    await runtime.deploy(greeter('1.0.0'));
    const release = {
      version: '1.1.0',
      bundles: [
        { name: 'test.greeter', version: '1.1.0' },
        { name: 'test.rates', version: '1.0.0' },
      ],
      configuration: { 'test.greeter': { word: 'salut' } },
    };
    const artifacts = [greeter('1.1.0'), rates('1.0.0', 2)];
    const planned = await deploy(release, artifacts, { dryRun: true });
    assert.deepEqual(planned.plan, {
      generation: 1,
      changes: [
        { symbolicName: 'test.greeter', action: 'swap', from: '1.0.0', to: '1.1.0', tier: 'inline' },
        { symbolicName: 'test.rates', action: 'install', from: null, to: '1.0.0', tier: 'inline' },
      ],
      rebinds: [],
      restarts: [],
      routes: [],
      problems: [],
      configuration: [{ bundle: 'test.greeter', key: 'word', after: 'salut' }],
    });
    assert.equal(await greet(), 'hello from 1.0.0');
    const outcome = await deploy(release, artifacts);
    assert.equal(outcome.outcome, 'committed');
    assert.equal(outcome.generation, 2);
    assert.equal(await greet(), 'salut from 1.1.0');
    assert.deepEqual(config.stored.get('test.greeter'), { word: 'salut' });
    assert.deepEqual(config.actors, ['lin']);
    assert.equal(await runtime.service(Rates).rate(), 2);
    assert.deepEqual(runtime.kernel.status().release, { name: 'bank', version: '1.1.0' });
    assert.deepEqual(runtime.kernel.history(1)[0]?.release, { name: 'bank', version: '1.1.0' });
    assert.equal(runtime.kernel.state.journal.view.unwritten, undefined);
  });

  it('that fails in one bundle changes nothing, configuration included', async () => {
    await runtime.deploy(greeter('1.0.0'));
    const outcome = await deploy(
      {
        bundles: [
          { name: 'test.greeter', version: '1.1.0' },
          { name: 'test.rates', version: '1.0.0' },
        ],
        configuration: { 'test.greeter': { word: 'salut' } },
      },
      [greeter('1.1.0', { activate: () => assert.fail('no') }), rates('1.0.0', 2)],
    );
    assert.equal(outcome.outcome, 'refused');
    assert.equal(outcome.error?.code, 'ACTIVATE_FAILED');
    assert.deepEqual(installed(), ['test.greeter@1.0.0']);
    assert.equal(await greet(), 'hello from 1.0.0');
    assert.deepEqual([...config.stored], []);
    assert.deepEqual(runtime.kernel.releases(), []);
  });

  it('changes configuration alone by a new revision of the same content, and says so', async () => {
    await runtime.deploy(greeter('1.0.0'));
    const planned = await deploy({ configuration: { 'test.greeter': { word: 'ciao' } } }, [], { dryRun: true });
    assert.deepEqual([planned.plan.changes, planned.plan.restarts], [[], ['test.greeter']]);
    await deploy({ configuration: { 'test.greeter': { word: 'ciao' } } });
    assert.equal(await greet(), 'ciao from 1.0.0');
    assert.equal(
      (await deploy({ configuration: { 'test.greeter': { word: 'ciao' } } }, [], { dryRun: true })).plan.configuration,
      undefined,
    );
    await deploy({ configuration: { 'test.greeter': { word: null } } });
    assert.equal(await greet(), 'hello from 1.0.0');
    assert.deepEqual(config.stored.get('test.greeter'), {});
  });

  it('is taken back whole by hand: contents, installations, removals and configuration', async () => {
    await runtime.deploy(greeter('1.0.0'), rates('1.0.0', 2));
    await runtime.kernel.configSet('test.greeter', { word: 'before' }, 'lin');
    const release: Partial<Release> = {
      version: '2.0.0',
      complete: true,
      bundles: [
        { name: 'test.greeter', version: '1.1.0' },
        { name: 'test.other', version: '1.0.0' },
      ],
      configuration: { 'test.greeter': { word: 'after' } },
    };
    const other = artifactOf({ symbolicName: 'test.other', definition: defineBundle({}) });
    const outcome = await deploy(release, [greeter('1.1.0'), other]);
    assert.deepEqual(
      outcome.plan.changes.map(({ symbolicName, action }) => `${action} ${symbolicName}`),
      ['swap test.greeter', 'install test.other', 'uninstall test.rates'],
    );
    assert.equal(await greet(), 'after from 1.1.0');
    assert.deepEqual(installed(), ['test.greeter@1.1.0', 'test.other@1.0.0']);
    const way = await runtime.kernel.rollbackRelease({ actor: 'lin', dryRun: true });
    assert.deepEqual(way.plan.configuration, [{ bundle: 'test.greeter', key: 'word', before: 'after', after: 'before' }]);
    assert.deepEqual(
      way.plan.changes.map(({ symbolicName, action }) => `${action} ${symbolicName}`),
      ['swap test.greeter', 'uninstall test.other', 'install test.rates'],
    );
    const back = await runtime.kernel.rollbackRelease({ actor: 'lin' });
    assert.equal(back.outcome, 'committed');
    assert.equal(await greet(), 'before from 1.0.0');
    assert.deepEqual(config.stored.get('test.greeter'), { word: 'before' });
    assert.deepEqual([...installed()].sort(), ['test.greeter@1.0.0', 'test.rates@1.0.0']);
    assert.equal(await runtime.service(Rates).rate(), 2);
    assert.deepEqual(outcomes(), ['2.0.0 rolled-back']);
    await assert.rejects(runtime.kernel.rollbackRelease({ actor: 'lin' }), { code: 'NOTHING_TO_ROLL_BACK' });
  });

  it('walks back release by release', async () => {
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) {
      await deploy({ version, bundles: [{ name: 'test.greeter', version }], configuration: { 'test.greeter': { word: `w${version}` } } }, [
        greeter(version),
      ]);
    }
    await runtime.kernel.rollbackRelease({ actor: 'lin' });
    assert.equal(await greet(), 'w1.1.0 from 1.1.0');
    await runtime.kernel.rollbackRelease({ actor: 'lin' });
    assert.equal(await greet(), 'w1.0.0 from 1.0.0');
    assert.deepEqual(outcomes(), ['1.0.0 confirmed', '1.1.0 rolled-back', '1.2.0 rolled-back']);
    assert.deepEqual(runtime.kernel.status().release, { name: 'bank', version: '1.0.0' });
  });

  it('on probation comes back in one switch when live traffic does worse, with its configuration', async () => {
    await runtime.deploy(greeter('1.0.0'));
    const word = { 'test.greeter': { word: 'worse' } };
    const bundles = [{ name: 'test.greeter', version: '1.1.0' }];
    const outcome = await deploy({ version: '1.1.0', bundles, configuration: word }, [greeter('1.1.0')], { watchMs: 60_000 });
    assert.equal(outcome.onTrial, true);
    assert.deepEqual(outcomes(), ['1.1.0 on-trial']);
    assert.equal(await greet(), 'worse from 1.1.0');
    for (let entry = 0; entry < 10; entry += 1) {
      await runtime.entry('test.greeter', () => Promise.reject(new Error('bad'))).catch(() => undefined);
    }
    await settle();
    await settle();
    assert.equal(await greet(), 'hello from 1.0.0');
    assert.deepEqual(config.stored.get('test.greeter'), {});
    assert.deepEqual(outcomes(), ['1.1.0 rolled-back']);
  });

  describe('that is temporary', () => {
    const bundles = [
      { name: 'test.greeter', version: '1.1.0' },
      { name: 'test.rates', version: '1.0.0' },
    ];
    beforeEach(async () => {
      await runtime.deploy(greeter('1.0.0'));
      const release = { version: '1.1.0', bundles, configuration: { 'test.greeter': { word: 'salut' } } };
      await deploy(release, [greeter('1.1.0'), rates('1.0.0', 2)], { confirmWithinMs: 60_000 });
      assert.equal(runtime.kernel.status().trial?.temporary, true);
    });

    it('returns by itself when nobody confirms it in time, with what it installed', async () => {
      await runtime.virtual.advance(59_999);
      assert.equal(await greet(), 'salut from 1.1.0');
      await runtime.virtual.advance(1);
      await settle();
      assert.deepEqual(installed(), ['test.greeter@1.0.0']);
      assert.equal(await greet(), 'hello from 1.0.0');
      assert.deepEqual(config.stored.get('test.greeter'), {});
      assert.deepEqual(outcomes(), ['1.1.0 rolled-back']);
      assert.equal(runtime.kernel.history(1)[0]?.actor, 'kernel:release');
    });

    it('stays when it is confirmed', async () => {
      await runtime.kernel.confirm('lin');
      await runtime.virtual.advance(120_000);
      assert.equal(await greet(), 'salut from 1.1.0');
      assert.deepEqual(outcomes(), ['1.1.0 confirmed']);
    });

    it('returns by hand at once', async () => {
      const outcome = await runtime.kernel.rollbackRelease({ actor: 'lin' });
      assert.equal(outcome.outcome, 'rolled-back');
      assert.deepEqual(installed(), ['test.greeter@1.0.0']);
      assert.equal(await greet(), 'hello from 1.0.0');
    });

    it('refuses a second change of its bundles and lets others through', async () => {
      await assert.rejects(runtime.tryDeploy([greeter('1.2.0')]), { code: 'DEPLOY_TEMPORARY', httpStatus: 409 });
      await assert.rejects(runtime.tryDeploy([rates('1.1.0', 3)]), { code: 'DEPLOY_TEMPORARY' });
      const other = artifactOf({ symbolicName: 'test.other', definition: defineBundle({}) });
      assert.equal((await runtime.tryDeploy([other])).outcome, 'committed');
      await runtime.kernel.confirm('lin');
      assert.equal((await runtime.tryDeploy([greeter('1.2.0')])).outcome, 'committed');
    });
  });

  it('keeps what somebody set meanwhile when it is taken back', async () => {
    await runtime.deploy(greeter('1.0.0'));
    await deploy({ configuration: { 'test.greeter': { word: 'release' } } });
    await runtime.kernel.configSet('test.greeter', { word: 'operator' }, 'lin');
    const { plan } = await runtime.kernel.rollbackRelease({ actor: 'lin' });
    assert.deepEqual([plan.configuration, config.stored.get('test.greeter')], [undefined, { word: 'operator' }]);
  });

  it('names everything that is wrong with its artifacts', async () => {
    const outcome = await deploy(
      {
        bundles: [
          { name: 'test.greeter', version: '1.0.0', digest: '0'.repeat(64) },
          { name: 'test.missing', version: '1.0.0' },
        ],
      },
      [greeter('1.0.0'), rates('1.0.0', 1)],
    );
    assert.equal(outcome.outcome, 'refused');
    assert.deepEqual(
      outcome.plan.problems.map(({ code, details }) => `${code} ${String(details['bundle'])}`),
      [
        'RELEASE_DIGEST_MISMATCH test.greeter',
        'RELEASE_ARTIFACT_MISSING test.missing',
        'RELEASE_ARTIFACT_UNNAMED test.greeter',
        'RELEASE_ARTIFACT_UNNAMED test.rates',
      ],
    );
  });

  it('says in which tier each bundle runs; the command line is for those that say nothing', async () => {
    const bundles = [
      { name: 'test.greeter', version: '1.0.0', tier: 'worker' as const },
      { name: 'test.rates', version: '1.0.0' },
    ];
    const { plan } = await deploy({ bundles }, [greeter('1.0.0'), rates('1.0.0', 1)], { dryRun: true, tier: 'process' });
    assert.deepEqual(
      plan.changes.map(({ symbolicName, tier }) => [symbolicName, tier]),
      [
        ['test.greeter', 'worker'],
        ['test.rates', 'process'],
      ],
    );
  });

  it('takes artifacts that the kernel has from its store', async () => {
    const bytes = greeter('1.0.0');
    await runtime.deploy(bytes);
    await runtime.deploy(greeter('1.1.0'));
    const outcome = await deploy({ bundles: [{ name: 'test.greeter', version: '1.0.0', digest: digestOf(bytes) }] });
    assert.equal(outcome.outcome, 'committed');
    assert.equal(await greet(), 'hello from 1.0.0');
  });

  it('refuses configuration that does not fit, that nobody reads, and secrets in plain text', async () => {
    await runtime.deploy(greeter('1.0.0'), rates('1.0.0', 1));
    const codes = async (configuration: Release['configuration']): Promise<readonly string[]> => {
      const outcome = await deploy({ ...(configuration === undefined ? {} : { configuration }) });
      return outcome.plan.problems.map(({ code }) => code);
    };
    assert.deepEqual(await codes({ 'test.greeter': { word: 5 } }), ['CONFIG_INVALID']);
    assert.deepEqual(await codes({ 'test.greeter': { wrod: 'x' } }), ['CONFIG_INVALID']);
    assert.deepEqual(await codes({ 'test.rates': { rate: 5 } }), ['RELEASE_CONFIGURATION_UNUSED']);
    assert.deepEqual(await codes({ 'test.nobody': { rate: 5 } }), ['RELEASE_CONFIGURATION_UNUSED']);
    assert.deepEqual(await codes({ 'test.greeter': { pin: '1234' } }), ['RELEASE_SECRET_PLAIN']);
    assert.deepEqual(await codes({ 'test.greeter': { pin: { $env: 'PIN' } } }), []);
    assert.deepEqual(config.stored.get('test.greeter'), { pin: { $env: 'PIN' } });
  });

  it('stays in force when its configuration cannot be written, and is written after the next change', async () => {
    await runtime.deploy(greeter('1.0.0'));
    config.failing = true;
    const outcome = await deploy(
      { bundles: [{ name: 'test.greeter', version: '1.1.0' }], configuration: { 'test.greeter': { word: 'salut' } } },
      [greeter('1.1.0')],
    );
    assert.equal(outcome.outcome, 'committed');
    assert.equal(await greet(), 'salut from 1.1.0');
    assert.equal(runtime.kernel.status().alarms.at(-1)?.code, 'CONFIG_UNWRITTEN');
    config.failing = false;
    await runtime.deploy(greeter('1.2.0'));
    assert.equal(await greet(), 'salut from 1.2.0');
    assert.deepEqual(config.stored.get('test.greeter'), { word: 'salut' });
    assert.equal(runtime.kernel.state.journal.view.unwritten, undefined);
  });

  it('is taken back also while its configuration could not be written', async () => {
    await runtime.deploy(greeter('1.0.0'));
    config.failing = true;
    await deploy({ configuration: { 'test.greeter': { word: 'salut' } } });
    await runtime.kernel.rollbackRelease({ actor: 'lin' });
    assert.equal(await greet(), 'hello from 1.0.0');
    config.failing = false;
    await runtime.deploy(rates('1.0.0', 1));
    assert.deepEqual([config.stored.get('test.greeter') ?? {}, runtime.kernel.state.journal.view.unwritten], [{}, undefined]);
  });

  it('of an older generation is refused with the current one; the same deploy id again changes nothing', async () => {
    const bundles = [{ name: 'test.greeter', version: '1.0.0' }];
    const { generation } = runtime.kernel.status();
    const [first, second] = await Promise.allSettled([
      deploy({ bundles }, [greeter('1.0.0')], { baseGeneration: generation, deployId: 'd-1' }),
      deploy({ bundles: [{ name: 'test.rates', version: '1.0.0' }] }, [rates('1.0.0', 1)], { baseGeneration: generation }),
    ]);
    assert.equal(first.status, 'fulfilled');
    assert.equal(second.status, 'rejected');
    const reason = (second as PromiseRejectedResult).reason as { code: string; httpStatus: number; details: object };
    assert.deepEqual(
      [reason.code, reason.httpStatus, reason.details],
      ['GENERATION_CONFLICT', 409, { expected: generation, found: generation + 1 }],
    );
    const again = await deploy({ bundles }, [greeter('1.0.0')], { deployId: 'd-1' });
    assert.equal(again.generation, generation + 1);
    assert.deepEqual(installed(), ['test.greeter@1.0.0']);
  });
});
