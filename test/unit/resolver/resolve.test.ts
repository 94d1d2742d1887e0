/** Resolving: who is wired to whom, in every namespace, and in what order of preference. */
import assert from 'node:assert/strict';
import { isSluiceError } from '@sluice/sdk';
import { kernelCapabilities } from '@sluice/kernel/resolver/index';
import { bundle, KERNEL, nextRevision, problems, resolved, wires } from './bundles.js';

describe('resolver: wires', () => {
  it('binds contracts, packages, bundles and own namespaces', () => {
    const all = [
      bundle('ledger@1.2.0', {
        provides: ['core.Balances@1.3.0'],
        exports: ['money'],
        section: { capabilities: [{ namespace: 'bank.region', attributes: { region: 'eu' } }] },
      }),
      bundle('transfer@1.0.0', {
        requires: ['core.Balances@^1.2.0', 'sluice.kernel.Entries@^1.0.0', '?core.Limits@^1.0.0'],
        imports: ['money@^1.0.0', '?tax@^1.0.0'],
        section: {
          requirements: [
            { namespace: 'bank.region', filter: '(region=eu)' },
            { namespace: 'sluice.bundle', filter: '(&(bundle=ledger)(version>=1.1))' },
            { namespace: 'bank.absent', optional: true },
          ],
        },
      }),
    ];
    const { ok, wiring, problems: found, others, notices } = resolved(all);
    assert.deepEqual(
      { ok, found, others, notices, wires: wires(wiring) },
      {
        ok: true,
        found: [],
        others: [],
        notices: [],
        wires: [
          'transfer@1.0.0#1 -> ledger@1.2.0#1 @',
          'transfer@1.0.0#1 -> ledger@1.2.0#1 ledger@1.2.0',
          'transfer@1.0.0#1 -> ledger@1.2.0#1 core.Balances@1.3.0',
          'transfer@1.0.0#1 -> kernel sluice.kernel.Entries@1.0.0',
          'transfer@1.0.0#1 -> ledger@1.2.0#1 money@1.2.0',
        ],
      },
    );
    assert.deepEqual([...wiring.keys()].sort(), ['ledger@1.2.0#1', 'transfer@1.0.0#1']);
  });

  it('prefers the highest version, then the bundle installed first', () => {
    const low = bundle('a@1.0.0', { provides: ['x.X@1.0.0'] });
    const first = bundle('b@1.0.0', { provides: ['x.X@1.1.0'] });
    const second = bundle('c@3.0.0', { provides: ['x.X@1.1.0'] });
    const major = bundle('d@1.0.0', { provides: ['x.X@2.0.0'] });
    const user = bundle('user@1.0.0', { requires: ['x.X@^1.0.0'] });
    assert.deepEqual(wires(resolved([second, major, user, low, first]).wiring), ['user@1.0.0#1 -> b@1.0.0#1 x.X@1.1.0']);
  });

  it('decides by key between bundles without install ids', () => {
    const [b, a] = ['b', 'a'].map((name) => ({ ...bundle(`${name}@1.0.0`, { provides: ['x.X@1.0.0'] }), bundleId: undefined }));
    const user = bundle('user@1.0.0', { requires: ['x.X@^1.0.0'] });
    const candidates = [b, a, user].map(({ key, manifest }: any) => ({ key, manifest }));
    assert.deepEqual(wires(resolved(candidates).wiring), ['user@1.0.0#1 -> a@1.0.0#1 x.X@1.0.0']);
  });

  it('wires a contract that a bundle provides and requires to itself', () => {
    const other = bundle('a@9.0.0', { provides: ['x.X@1.9.0'] });
    const own = bundle('own@1.0.0', { provides: ['x.X@1.0.0'], requires: ['x.X@^1.0.0'] });
    assert.deepEqual(wires(resolved([other, own]).wiring), ['own@1.0.0#1 -> own@1.0.0#1 x.X@1.0.0']);
  });

  it('prefers the kernel to a bundle that offers the same', () => {
    const pretender = bundle('pretender@1.0.0', { provides: ['sluice.kernel.Entries@1.9.0'] });
    const user = bundle('user@1.0.0', { requires: ['sluice.kernel.Entries@^1.0.0'] });
    assert.deepEqual(wires(resolved([pretender, user]).wiring), ['user@1.0.0#1 -> kernel sluice.kernel.Entries@1.0.0']);
  });

  it('keeps versions side by side, each consumer with what it accepts', () => {
    const side = { singleton: false };
    const candidates = [
      bundle('lib@1.0.0', { exports: ['lib'], section: side }),
      bundle('lib@2.0.0', { exports: ['lib'], section: side }),
      bundle('old@1.0.0', { imports: ['lib@^1.0.0'] }),
      bundle('new@1.0.0', { imports: ['lib@^2.0.0'] }),
    ];
    assert.deepEqual(wires(resolved(candidates).wiring), ['new@1.0.0#1 -> lib@2.0.0#1 lib@2.0.0', 'old@1.0.0#1 -> lib@1.0.0#1 lib@1.0.0']);
  });

  it('reads OSGi ranges, and takes a pre-release only when it is named', () => {
    const rc = bundle('rc@1.0.0', { provides: ['x.X@2.0.0'] });
    const plain = bundle('plain@1.0.0', { provides: ['x.X@1.9.0'] });
    const user = bundle('user@1.0.0', { requires: ['x.X@[1.2,2)'] });
    assert.deepEqual(wires(resolved([rc, plain, user]).wiring), ['user@1.0.0#1 -> plain@1.0.0#1 x.X@1.9.0']);
  });

  it('selects by filter over the attributes of a contract', () => {
    const withCurrency = (currency: string) => ({
      section: { provides: [{ contract: 'x.X', version: '1.0.0', attributes: { Currency: currency } }] },
    });
    const candidates = [
      bundle('cny@1.0.0', withCurrency('CNY')),
      bundle('usd@1.0.0', withCurrency('USD')),
      bundle('user@1.0.0', { section: { requires: [{ contract: 'x.X', range: '^1.0.0', filter: '(currency=USD)' }] } }),
    ];
    assert.deepEqual(wires(resolved(candidates).wiring), ['user@1.0.0#1 -> usd@1.0.0#1 x.X@1.0.0']);
  });

  it('wires `multiple` to all matches, best first, and needs one', () => {
    const offering = (name: string, weight: number) =>
      bundle(`${name}@1.0.0`, { section: { capabilities: [{ namespace: 'n', attributes: { weight, version: `1.${weight}.0` } }] } });
    const user = bundle('user@1.0.0', { section: { requirements: [{ namespace: 'n', filter: '(version>=1.2)', multiple: true }] } });
    const all = [offering('a', 1), offering('b', 2), offering('c', 3), user];
    assert.deepEqual(
      resolved(all)
        .wiring.get(user.key)
        ?.map((wire) => wire.provider),
      ['c@1.0.0#1', 'b@1.0.0#1'],
    );
    assert.deepEqual(problems(resolved([all[0] as any, user])), [
      "Cannot resolve 'user@1.0.0#1': it needs a capability of 'n' with (version>=1.2); offered is 1.1.0 by 'a@1.0.0#1' (refused by the filter). Deploy a bundle whose a capability has attributes that match (version>=1.2).",
    ]);
  });

  it('finds one among many capabilities of a namespace by an equality of the filter', () => {
    const many = Array.from({ length: 50 }, (_, index) =>
      bundle(`p${index}@1.0.0`, { section: { capabilities: [{ namespace: 'n', attributes: { index } }] } }),
    );
    const user = bundle('user@1.0.0', { section: { requirements: [{ namespace: 'n', filter: '(&(index=37.0)(index>=3))' }] } });
    assert.deepEqual(wires(resolved([...many, user]).wiring), ['user@1.0.0#1 -> p37@1.0.0#1 @']);
  });

  it('lets contracts go round and reports the circle with its path', () => {
    const candidates = [
      bundle('a@1.0.0', { provides: ['x.A@1.0.0'], requires: ['x.B@^1.0.0'] }),
      bundle('b@1.0.0', { provides: ['x.B@1.0.0'], requires: ['x.C@^1.0.0'] }),
      bundle('c@1.0.0', { provides: ['x.C@1.0.0'], requires: ['x.A@^1.0.0'] }),
      bundle('d@1.0.0', { requires: ['x.A@^1.0.0'] }),
    ];
    const { ok, notices } = resolved(candidates);
    assert.deepEqual(
      { ok, notices },
      {
        ok: true,
        notices: [{ kind: 'contract-cycle', path: ['a@1.0.0#1', 'b@1.0.0#1', 'c@1.0.0#1'], names: ['x.B', 'x.C', 'x.A'] }],
      },
    );
  });

  it('says nothing of a circle that an optional contract opens', () => {
    const candidates = [
      bundle('a@1.0.0', { provides: ['x.A@1.0.0'], requires: ['x.B@^1.0.0'] }),
      bundle('b@1.0.0', { provides: ['x.B@1.0.0'], requires: ['?x.A@^1.0.0'] }),
    ];
    assert.deepEqual(resolved(candidates).notices, []);
  });

  it('requires only what is asked for, and still resolves the rest', () => {
    const good = bundle('good@1.0.0');
    const bad = bundle('bad@1.0.0', { requires: ['x.X@^1.0.0'] });
    const { ok, wiring, problems: found, others } = resolved([good, bad], { required: [good.key] });
    assert.deepEqual(
      { ok, keys: [...wiring.keys()], found, others: others.map(({ kind, bundle: key }) => [kind, key]) },
      {
        ok: true,
        keys: [good.key],
        found: [],
        others: [['missing', bad.key]],
      },
    );
  });

  it('refuses a bundle for another SDK, and asks nothing of a kernel that does not say', () => {
    const next = bundle('next@1.0.0', { section: { sdk: '^2.0.0' } });
    assert.deepEqual(problems(resolved([next])), [
      "Cannot resolve 'next@1.0.0#1': it needs the SDK in ^2.0.0; offered is 1.4.0 by 'kernel' (refused by the range). Build 'next@1.0.0#1' against the SDK of this kernel, or deploy it on a kernel with SDK ^2.0.0.",
    ]);
    assert.equal(resolved([next], { kernel: [] }).ok, true);
    assert.equal(resolved([next], { kernel: kernelCapabilities([], '2.1.0') }).ok, true);
  });

  it('throws when the caller mixes up keys', () => {
    const a = bundle('a@1.0.0');
    const throwsInvalid = (run: () => unknown) =>
      assert.throws(run, (error) => isSluiceError(error) && error.code === 'RESOLVER_INPUT_INVALID');
    throwsInvalid(() => resolved([a, a]));
    throwsInvalid(() => resolved([a], { required: ['b@1.0.0#1'] }));
    throwsInvalid(() => resolved([a], { required: ['kernel'] }));
    const { wiring } = resolved([a]);
    throwsInvalid(() => resolved([a, nextRevision(a), nextRevision(a)], { wired: wiring, required: [] }));
    assert.equal(resolved([a], { wired: wiring }).ok, true);
  });

  it('resolves nothing to nothing', () => {
    const { ok, wiring, steps } = resolved([]);
    assert.deepEqual({ ok, size: wiring.size, steps }, { ok: true, size: 0, steps: 0 });
    assert.equal(KERNEL.length, 2);
  });
});
