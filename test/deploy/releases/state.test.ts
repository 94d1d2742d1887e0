import { strict as assert } from 'node:assert';
import { contract, defineBundle, method, SluiceError, Type, type StateHandover } from '@sluice/sdk';
import { settle, TestRuntime, type TestBundle } from '@sluice/kernel/testing';

const Counter = contract('test.Counter', '1.0.0', { next: method([], Type.Integer()), read: method([], Type.Integer()) });

interface Held {
  count: number;
}

/** A counter that keeps its number in memory and hands it over in the form its version knows. */
function counter(version: string, stateVersion: number | null, state: (held: Held) => StateHandover, reads?: number): TestBundle {
  const held: Held = { count: 0 };
  return {
    symbolicName: 'test.counter',
    version,
    manifest: { ...(stateVersion === null ? {} : { stateVersion }), ...(reads === undefined ? {} : { stateReads: reads }) },
    definition: defineBundle({
      provides: [Counter],
      activate: (context) => {
        context.register(Counter, { next: () => Promise.resolve(++held.count), read: () => Promise.resolve(held.count) });
      },
      state: state(held),
    }),
  };
}

/** Form 1 is a number, form 2 an object. */
const formOne = (held: Held): StateHandover => ({
  exportState: () => held.count,
  importState: (state) => void (held.count = state as number),
});
const formTwo = (held: Held): StateHandover => ({
  exportState: (form) => (form === 1 ? held.count : { count: held.count }),
  importState: (state, form) => void (held.count = form === 1 ? (state as number) : (state as Held).count),
});

describe('state', () => {
  let runtime: TestRuntime;
  beforeEach(async () => {
    runtime = await TestRuntime.boot();
  });
  afterEach(() => runtime.stop());

  it('of an older form is handed to a receiver that reads it, and back in the form the older one knows', async () => {
    await runtime.deploy(counter('1.0.0', 1, formOne));
    const service = runtime.service(Counter);
    await service.next();
    await runtime.deploy(counter('2.0.0', 2, formTwo));
    assert.equal(await service.next(), 2);
    await runtime.deploy(counter('1.0.1', 1, formOne));
    assert.equal(await service.read(), 2);
  });

  it('too old for the receiver is refused in the plan, before anything is started', async () => {
    await runtime.deploy(counter('1.0.0', 1, formOne));
    const outcome = await runtime.tryDeploy([counter('3.0.0', 3, formTwo, 2)]);
    assert.equal(outcome.outcome, 'refused');
    assert.equal(outcome.error?.code, 'STATE_TOO_OLD');
    assert.deepEqual(outcome.error?.details, { bundle: 'test.counter', from: 1, reads: 2 });
  });

  for (const [what, code, state] of [
    ['is refused by the receiver', 'TEST_NO', { importState: () => Promise.reject(new SluiceError('TEST_NO', 'not this')) }],
    ['makes the receiver throw', 'ACTIVATE_FAILED', { importState: () => assert.fail('no') }],
  ] as const) {
    it(`that ${what} leaves the old revision with its state`, async () => {
      await runtime.deploy(counter('1.0.0', 1, formOne));
      const service = runtime.service(Counter);
      await service.next();
      const outcome = await runtime.tryDeploy([counter('2.0.0', 2, (held) => ({ ...formTwo(held), ...state }))]);
      assert.equal(outcome.error?.code, code);
      assert.equal(await service.next(), 2);
    });
  }

  for (const [what, code, exported] of [
    ['larger than a megabyte', 'STATE_TOO_LARGE', () => 'x'.repeat(2 * 1024 * 1024)],
    ['with a function in it', 'STATE_NOT_CLONEABLE', () => ({ call: () => 1 })],
  ] as const) {
    it(`${what} is refused and the old revision serves on`, async () => {
      await runtime.deploy(counter('1.0.0', 1, () => ({ exportState: exported, importState: () => undefined })));
      const outcome = await runtime.tryDeploy([counter('2.0.0', 2, formTwo)]);
      assert.equal(outcome.error?.code, code);
      assert.equal(await runtime.service(Counter).next(), 1);
    });
  }

  it('that takes too long is refused, and names who did not answer', async () => {
    await runtime.deploy(counter('1.0.0', 1, () => ({ exportState: () => new Promise(() => {}), importState: () => undefined })));
    const outcome = runtime.tryDeploy([counter('2.0.0', 2, formTwo)]);
    await settle();
    await runtime.virtual.advance(1_000);
    assert.equal((await outcome).error?.code, 'TIME_LIMIT');
    assert.equal((await outcome).error?.details['activity'], 'exportState');
  });

  it('is not handed over when one of the two has none', async () => {
    await runtime.deploy(counter('1.0.0', 1, formOne));
    await runtime.service(Counter).next();
    await runtime.deploy({ ...counter('2.0.0', null, formTwo), version: '2.0.0' });
    assert.equal(await runtime.service(Counter).read(), 0);
  });
});
