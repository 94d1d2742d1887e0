/** Data access in every tier through the real data bundle. */
import { strict as assert } from 'node:assert';
import { codeOf, contract, Data, method, Type, type ServiceOf } from '@sluice/sdk';
import { TIERS } from '@sluice/kernel/model/index';
import { TestRuntime } from '@sluice/kernel/testing';
import dataBundle from '../../../plugins/system/data/activator.js';
import { systemBundle } from '../system/system-bundle.js';
import { logged, sampleArtifact } from './tiers.js';

const id = Type.Unsafe<bigint>({});

const Records = contract('sample.Records', '1.0.0', {
  add: method([id, Type.String()], Type.Array(Type.String())),
  addAndFail: method([id, Type.String()], Type.Null()),
  addBoth: method([id, Type.String()], Type.Null()),
  list: method([], Type.Array(Type.String())),
  peek: method([Type.String()], Type.Null()),
  useModels: method([], Type.Null()),
  loopInUnit: method([], Type.Null()),
});

for (const tier of TIERS) {
  describe(`data in tier ${tier}`, () => {
    let runtime: TestRuntime;
    let records: ServiceOf<typeof Records>;

    beforeEach(async () => {
      runtime = await TestRuntime.boot({ time: 'real' });
      await runtime.deploy(systemBundle('data', dataBundle));
      const outcome = await runtime.tryDeploy([await sampleArtifact('records')], { tier });
      assert.equal(outcome.outcome, 'committed', outcome.error?.message);
      records = runtime.service(Records);
    });
    afterEach(() => runtime.stop());

    it('commits units of work, with what waits for the commit', async () => {
      assert.deepEqual(await records.add(2n ** 60n, 'big'), ['in unit', 'after commit']);
      await records.addBoth(1n, 'both');
      assert.deepEqual(await records.list(), ['1 both', '2 both', `${2n ** 60n} big`]);
    });

    it('rolls back what fails, and tells the error', async () => {
      await assert.rejects(records.addAndFail(1n, 'no'), (error) => codeOf(error) === 'SAMPLE_ROLLBACK');
      await records.add(1n, 'yes');
      await assert.rejects(records.add(1n, 'twice'), /unique|constraint/i);
      assert.deepEqual(await records.list(), ['1 yes']);
    });

    it('joins the unit of work of whoever calls', async () => {
      const data = runtime.service(Data);
      await assert.rejects(
        data.unitOfWork(async () => {
          await records.add(5n, 'inside');
          assert.deepEqual(await records.list(), ['5 inside']);
          throw new Error('given up outside');
        }),
        /given up outside/,
      );
      assert.deepEqual(await records.list(), []);
    });

    if (tier === 'process') {
      it('runs no statement that the manifest does not list', async () => {
        await assert.rejects(records.peek('SELECT * FROM sqlite_master'), (error) => codeOf(error) === 'ISOLATION_STATEMENT_REFUSED');
      });
    }

    if (tier !== 'inline') {
      it('refuses models with what to do instead', async () => {
        await assert.rejects(records.useModels(), (error) => codeOf(error) === 'ISOLATION_MEMBER_REFUSED');
      });

      it('rolls back when the guest ends in the middle', async () => {
        const restarted = logged(runtime, 'sample.records', /^Started again/);
        await assert.rejects(records.loopInUnit(), (error) => codeOf(error) === 'ISOLATION_GUEST_GONE');
        await restarted;
        assert.deepEqual(await records.list(), []);
        await records.add(1n, 'after');
        assert.deepEqual(await records.list(), ['1 after']);
      });
    }
  });
}
