/** Resolving again: what was wired stays, a swap moves only what it must, and nothing remembered shows in the answer. */
import assert from 'node:assert/strict';
import type { ResolverBundle, Wiring } from '@sluice/kernel/resolver/index';
import { bundle, nextRevision, resolved, wires } from './bundles.js';

const provider = bundle('p@1.0.0', { provides: ['x.X@1.0.0'] });
const better = bundle('q@1.0.0', { provides: ['x.X@1.5.0'] });
const user = bundle('user@1.0.0', { requires: ['x.X@^1.0.0'] });
const bystander = bundle('z@1.0.0', { provides: ['x.Z@1.0.0'], requires: ['x.X@^1.0.0'] });

describe('resolver: resolving again', () => {
  it('keeps a wire although something better came', () => {
    const before = resolved([provider, user]).wiring;
    const after = resolved([provider, user, better, bystander], { wired: before });
    assert.deepEqual(wires(after.wiring), ['user@1.0.0#1 -> p@1.0.0#1 x.X@1.0.0', 'z@1.0.0#1 -> q@1.0.0#1 x.X@1.5.0']);
    assert.equal(after.wiring.get(user.key), before.get(user.key), 'the very same wires');
    assert.deepEqual(after.rewired, [better.key, bystander.key]);
  });

  it('moves the consumers of a swapped bundle to its next revision, and nobody else', () => {
    const before = resolved([provider, better, user, bystander]).wiring;
    const next = nextRevision(better);
    const after = resolved([provider, next, user, bystander], { wired: before });
    assert.deepEqual(after.rewired, [next.key, user.key, bystander.key]);
    assert.deepEqual(wires(after.wiring), ['user@1.0.0#1 -> q@1.0.0#2 x.X@1.5.0', 'z@1.0.0#1 -> q@1.0.0#2 x.X@1.5.0']);
  });

  it('falls back to another provider when the wired one goes', () => {
    const before = resolved([provider, better, user]).wiring;
    assert.deepEqual(wires(resolved([provider, user], { wired: before }).wiring), ['user@1.0.0#1 -> p@1.0.0#1 x.X@1.0.0']);
  });

  it('lets a chain fall when its foot goes, and only that chain', () => {
    const foot = bundle('foot@1.0.0', { provides: ['c.A@1.0.0'] });
    const middle = bundle('middle@1.0.0', { provides: ['c.B@1.0.0'], requires: ['c.A@^1.0.0'] });
    const head = bundle('head@1.0.0', { requires: ['c.B@^1.0.0'] });
    const before = resolved([foot, middle, head, provider, user]).wiring;
    const after = resolved([middle, head, provider, user], { wired: before, required: [head.key] });
    assert.deepEqual(
      { keys: [...after.wiring.keys()].sort(), kinds: after.problems.map(({ kind, bundle: key }) => [kind, key]) },
      {
        keys: [provider.key, user.key],
        kinds: [
          ['missing', middle.key],
          ['chain', head.key],
        ],
      },
    );
    assert.equal(resolved([foot, middle, head, provider, user], { wired: after.wiring }).ok, true);
  });

  it('gives a running bundle an optional contract that comes later, but no import', () => {
    const hopeful = bundle('hopeful@1.0.0', { requires: ['?x.X@^1.0.0'], imports: ['?lib@^1.0.0'] });
    const lib = bundle('lib@1.0.0', { exports: ['lib'] });
    const before = resolved([hopeful]).wiring;
    const after = resolved([hopeful, lib, provider], { wired: before }).wiring;
    assert.deepEqual(wires(after), ['hopeful@1.0.0#1 -> p@1.0.0#1 x.X@1.0.0 optional']);
    const fresh = resolved([hopeful, lib, provider]).wiring;
    assert.deepEqual(wires(fresh).length, 2);
    assert.deepEqual(wires(resolved([hopeful, lib], { wired: fresh }).wiring), ['hopeful@1.0.0#1 -> lib@1.0.0#1 lib@1.0.0 optional']);
    assert.deepEqual(wires(resolved([hopeful, nextRevision(lib)], { wired: fresh }).wiring), [
      'hopeful@1.0.0#1 -> lib@1.0.0#2 lib@1.0.0 optional',
    ]);
  });

  it('keeps a set of `multiple` wires until a member goes', () => {
    const member = (name: string) => bundle(`${name}@1.0.0`, { section: { capabilities: [{ namespace: 'n' }] } });
    const [a, b, c] = [member('a'), member('b'), member('c')];
    const all = bundle('all@1.0.0', { section: { requirements: [{ namespace: 'n', multiple: true }] } });
    const before = resolved([a, b, all]).wiring;
    const added = resolved([a, b, c, all], { wired: before }).wiring;
    const swapped = resolved([nextRevision(a), b, c, all], { wired: added }).wiring;
    const providers = (wiring: Wiring) => wiring.get(all.key)?.map((wire) => wire.provider);
    assert.deepEqual([before, added, swapped].map(providers), [
      ['a@1.0.0#1', 'b@1.0.0#1'],
      ['a@1.0.0#1', 'b@1.0.0#1'],
      ['a@1.0.0#2', 'b@1.0.0#1', 'c@1.0.0#1'],
    ]);
  });

  it('is not disturbed by a plan that was dropped, nor by going back to an older wiring', () => {
    const first = resolved([provider, user]).wiring;
    const dropped = resolved([user, better], { wired: first });
    const again = resolved([provider, user, better], { wired: first });
    assert.deepEqual(wires(dropped.wiring), ['user@1.0.0#1 -> q@1.0.0#1 x.X@1.5.0']);
    assert.deepEqual(wires(again.wiring), ['user@1.0.0#1 -> p@1.0.0#1 x.X@1.0.0']);
    const further = resolved([user, better], { wired: again.wiring });
    const back = resolved([provider, user, better], { wired: first });
    assert.deepEqual([wires(further.wiring), wires(back.wiring)], [wires(dropped.wiring), wires(again.wiring)]);
  });

  it('remembers who was wired to whom after a dropped plan that took both away', () => {
    const before = resolved([user, provider, better]).wiring;
    resolved([better], { wired: before });
    assert.deepEqual(wires(resolved([user, provider], { wired: before }).wiring), ['user@1.0.0#1 -> p@1.0.0#1 x.X@1.0.0']);
    const only = resolved([user, provider]).wiring;
    resolved([], { wired: only });
    assert.deepEqual([...resolved([user], { wired: only, required: [] }).wiring.keys()], []);
  });

  it('gives the same answer for a copy of the wiring, of which nothing is remembered', () => {
    const before = resolved([provider, better, user, bystander]).wiring;
    const candidates: readonly ResolverBundle[] = [provider, nextRevision(better), user];
    const [copied, remembered] = [resolved(candidates, { wired: new Map(before) }), resolved(candidates, { wired: before })];
    assert.deepEqual(new Map(copied.wiring), new Map(remembered.wiring));
  });

  it('wires a bundle anew whose manifest is another one under the same key', () => {
    const before = resolved([provider, user]).wiring;
    const changed = { ...user, manifest: bundle('user@1.0.0', { requires: ['x.X@^1.1.0'] }).manifest };
    assert.equal(resolved([provider, changed], { wired: before }).ok, false);
    const emptied = { ...provider, manifest: bundle('p@1.0.0').manifest };
    assert.equal(resolved([emptied, user], { wired: before }).ok, false);
    assert.equal(resolved([emptied, user], { wired: new Map(before) }).ok, false);
    assert.equal(resolved([provider, user], { wired: before }).ok, true);
  });
});
