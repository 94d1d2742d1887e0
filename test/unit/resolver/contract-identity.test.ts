/** Contract identity across wires: who exchanges values must mean the same major of every contract both see. */
import assert from 'node:assert/strict';
import { bundle, problems, resolved, wires } from './bundles.js';

describe('resolver: contract identity', () => {
  const money1 = bundle('money1@1.0.0', { provides: ['m.Money@1.0.0'] });
  const money2 = bundle('money2@1.0.0', { provides: ['m.Money@2.0.0'] });
  const ledger1 = bundle('ledger@1.0.0', { provides: ['l.Ledger@1.0.0'], requires: ['m.Money@^1.0.0'] });
  const ledger2 = bundle('ledger-next@1.0.0', { provides: ['l.Ledger@1.0.0'], requires: ['m.Money@^2.0.0'] });

  it('two majors between consumer and provider are a conflict', () => {
    const user = bundle('user@1.0.0', { requires: ['l.Ledger@^1.0.0', 'm.Money@^2.0.0'] });
    const { ok, wiring, problems: found } = resolved([money1, money2, ledger1, user]);
    assert.deepEqual(
      { ok, keys: [...wiring.keys()].sort(), found },
      {
        ok: false,
        keys: [ledger1.key, money1.key, money2.key],
        found: [
          {
            kind: 'contract-conflict',
            code: 'RESOLVER_CONTRACT_CONFLICT',
            bundle: user.key,
            contract: 'm.Money',
            other: ledger1.key,
            through: { namespace: 'sluice.contract', name: 'l.Ledger', range: '^1.0.0', filter: null },
            sees: [2],
            otherSees: [1],
            suggestion: "Deploy 'user@1.0.0#1' and 'ledger@1.0.0#1' in revisions that use the same major version of 'm.Money'.",
          },
        ],
      },
    );
    assert.deepEqual(problems(resolved([money1, money2, ledger1, user])), [
      "Cannot resolve 'user@1.0.0#1': it exchanges values with 'ledger@1.0.0#1' through contract 'l.Ledger' in ^1.0.0, but 'user@1.0.0#1' sees major 2 of 'm.Money' and 'ledger@1.0.0#1' sees 1. Deploy 'user@1.0.0#1' and 'ledger@1.0.0#1' in revisions that use the same major version of 'm.Money'.",
    ]);
  });

  it('a consumer that accepts both majors takes the one its provider means', () => {
    const user = bundle('user@1.0.0', { requires: ['l.Ledger@^1.0.0', 'm.Money@>=1.0.0'] });
    assert.deepEqual(wires(resolved([money1, money2, ledger1, user]).wiring), [
      'ledger@1.0.0#1 -> money1@1.0.0#1 m.Money@1.0.0',
      'user@1.0.0#1 -> ledger@1.0.0#1 l.Ledger@1.0.0',
      'user@1.0.0#1 -> money1@1.0.0#1 m.Money@1.0.0',
    ]);
  });

  it('another provider that means the same is taken', () => {
    const user = bundle('user@1.0.0', { requires: ['l.Ledger@^1.0.0', 'm.Money@^2.0.0'] });
    assert.deepEqual(wires(resolved([money1, money2, ledger1, ledger2, user]).wiring).slice(-2), [
      'user@1.0.0#1 -> ledger-next@1.0.0#1 l.Ledger@1.0.0',
      'user@1.0.0#1 -> money2@1.0.0#1 m.Money@2.0.0',
    ]);
  });

  it('a provider that is new takes the major its consumer means', () => {
    const flexible = bundle('flexible@1.0.0', { provides: ['f.F@1.0.0'], requires: ['m.Money@>=1.0.0'] });
    const user = bundle('user@1.0.0', { requires: ['f.F@^1.0.0', 'm.Money@^1.0.0'] });
    assert.deepEqual(wires(resolved([money1, money2, flexible, user]).wiring), [
      'flexible@1.0.0#1 -> money1@1.0.0#1 m.Money@1.0.0',
      'user@1.0.0#1 -> flexible@1.0.0#1 f.F@1.0.0',
      'user@1.0.0#1 -> money1@1.0.0#1 m.Money@1.0.0',
    ]);
  });

  it('an optional contract is given up before a bundle is', () => {
    const user = bundle('user@1.0.0', { requires: ['l.Ledger@^1.0.0', '?m.Money@^2.0.0'] });
    const { ok, wiring } = resolved([money1, money2, ledger1, user]);
    assert.deepEqual([ok, wires(wiring).slice(1)], [true, ['user@1.0.0#1 -> ledger@1.0.0#1 l.Ledger@1.0.0']]);
  });

  it('a bundle between two majors, which sees both, conflicts with neither side', () => {
    const bridge = bundle('bridge@1.0.0', { provides: ['b.Bridge@1.0.0'], requires: ['m.Money@^1.0.0', 'm.Money@^2.0.0'] });
    const old = bundle('old@1.0.0', { requires: ['b.Bridge@^1.0.0', 'm.Money@^1.0.0'] });
    const fresh = bundle('fresh@1.0.0', { requires: ['b.Bridge@^1.0.0', 'm.Money@^2.0.0'] });
    assert.equal(resolved([money1, money2, bridge, old, fresh]).ok, true);
  });

  it('what a provider offers itself counts as seen', () => {
    const both = bundle('both@1.0.0', { provides: ['l.Ledger@1.0.0', 'm.Money@2.0.0'] });
    const user = bundle('user@1.0.0', { requires: ['l.Ledger@^1.0.0', 'm.Money@^1.0.0'] });
    assert.deepEqual(
      resolved([money1, both, user]).problems.map(({ kind }) => kind),
      ['contract-conflict'],
    );
  });

  it('an attribute `uses` tells which contracts pass through', () => {
    const ledger = (uses: readonly string[]) =>
      bundle('ledger@2.0.0', {
        requires: ['m.Money@^1.0.0'],
        section: { provides: [{ contract: 'l.Ledger', version: '1.0.0', attributes: { uses } }] },
      });
    const user = bundle('user@1.0.0', { requires: ['l.Ledger@^1.0.0', 'm.Money@^2.0.0'] });
    const outcomes = [['m.Money'], ['other.X'], []].map((uses) => resolved([money1, money2, ledger(uses), user]).ok);
    assert.deepEqual(outcomes, [false, true, true]);
  });

  it('holds over packages as well as contracts, not over other capabilities', () => {
    const lib = bundle('lib@1.0.0', { exports: ['lib'], requires: ['m.Money@^1.0.0'], section: { capabilities: [{ namespace: 'n' }] } });
    const importer = bundle('importer@1.0.0', { imports: ['lib@^1.0.0'], requires: ['m.Money@^2.0.0'] });
    const neighbour = bundle('neighbour@1.0.0', { requires: ['m.Money@^2.0.0'], section: { requirements: [{ namespace: 'n' }] } });
    assert.equal(resolved([money1, money2, lib, importer]).ok, false);
    assert.equal(resolved([money1, money2, lib, neighbour]).ok, true);
  });

  it('a swap that changes what a running provider means is noticed by its running consumers', () => {
    const flexible = bundle('flexible@1.0.0', { provides: ['f.F@1.0.0'], requires: ['m.Money@>=1.0.0'] });
    const user = bundle('user@1.0.0', { requires: ['f.F@^1.0.0', 'm.Money@^1.0.0'] });
    const before = resolved([money1, flexible, user]).wiring;
    const after = resolved([money2, flexible, user], { wired: before });
    assert.deepEqual(
      after.problems.map(({ kind, bundle: key }) => [kind, key]),
      [['filtered', user.key]],
    );
  });

  it('a bundle that has to be rewired anyway takes the major its running consumers mean', () => {
    const flexible = bundle('flexible@1.0.0', { provides: ['f.F@1.0.0'], requires: ['m.Money@>=1.0.0'] });
    const loose = bundle('loose@1.0.0', { requires: ['f.F@^1.0.0'], provides: ['m.Money@1.0.0'] });
    const before = resolved([money1, flexible, loose]).wiring;
    const after = resolved([money2, flexible, loose], { wired: before });
    assert.deepEqual([after.ok, wires(after.wiring)[0]], [true, 'flexible@1.0.0#1 -> loose@1.0.0#1 m.Money@1.0.0']);
  });

  it('an optional contract that comes later is not taken when it would conflict', () => {
    const user = bundle('user@1.0.0', { requires: ['l.Ledger@^1.0.0', '?m.Money@^2.0.0'] });
    const before = resolved([money1, ledger1, user]).wiring;
    const after = resolved([money1, money2, ledger1, user], { wired: before });
    assert.deepEqual([after.ok, after.rewired, wires(after.wiring)], [true, [money2.key], wires(before)]);
  });

  it('wires in force are not moved for a bundle that is new', () => {
    const flexible = bundle('flexible@1.0.0', { provides: ['f.F@1.0.0'], requires: ['m.Money@>=1.0.0'] });
    const user = bundle('user@1.0.0', { requires: ['f.F@^1.0.0', 'm.Money@^1.0.0'] });
    const before = resolved([money1, money2, flexible]).wiring;
    const after = resolved([money1, money2, flexible, user], { wired: before });
    assert.deepEqual([after.problems.map(({ kind }) => kind), wires(after.wiring)], [['contract-conflict'], wires(before)]);
    assert.equal(resolved([money1, money2, flexible, user]).ok, true);
  });
});
