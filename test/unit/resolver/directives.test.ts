/** Directives of requirements and capabilities (OSGi Core 8, 3.3.3 to 3.3.6): resolution, effective, cardinality, and what is dynamic. */
import assert from 'node:assert/strict';
import { bundle, problems, resolved, wires } from './bundles.js';

const offer = (name: string, language: string, more: object = {}) =>
  bundle(`${name}@1.0.0`, { section: { capabilities: [{ namespace: 'n.Messages', attributes: { language }, ...more }] } });
const need = (more: object) => bundle('user@1.0.0', { section: { requirements: [{ namespace: 'n.Messages', ...more }] } });
const toMessages = (all: readonly string[]) => all.filter((text) => text.startsWith('user@')).map((text) => text.split(' ')[2]);

describe('resolver: directives', () => {
  it('a mandatory requirement keeps its bundle from resolving, an optional one does not', () => {
    assert.deepEqual(
      [resolved([need({})]), resolved([need({ optional: true })])].map(({ ok }) => ok),
      [false, true],
    );
  });

  it('a requirement that is not effective at resolve is passed over, whether met or not', () => {
    const { ok, wiring } = resolved([need({ effective: 'active' }), offer('german', 'de')]);
    assert.deepEqual([ok, wires(wiring)], [true, []]);
  });

  it('a capability that is not effective at resolve is not offered', () => {
    assert.deepEqual(problems(resolved([need({}), offer('german', 'de', { effective: 'active' })])), [
      "Cannot resolve 'user@1.0.0#1': it needs a capability of 'n.Messages', which nothing deployed offers. Deploy a bundle that offers a capability in namespace 'n.Messages'.",
    ]);
  });

  it('cardinality one takes the best, multiple takes all', () => {
    const offers = [offer('german', 'de'), offer('french', 'fr')];
    assert.deepEqual(toMessages(wires(resolved([need({}), ...offers]).wiring)), ['german@1.0.0#1']);
    assert.deepEqual(toMessages(wires(resolved([need({ multiple: true }), ...offers]).wiring)), ['french@1.0.0#1', 'german@1.0.0#1']);
  });

  it('only what is dynamic gains a provider while its bundle is resolved', () => {
    const gains = (more: object): readonly (string | undefined)[] => {
      const user = need(more);
      const before = resolved([user]);
      assert.equal(before.ok, true);
      return toMessages(wires(resolved([user, offer('german', 'de')], { wired: before.wiring }).wiring));
    };
    assert.deepEqual([gains({ optional: true }), gains({ dynamic: true })], [[], ['german@1.0.0#1']]);
  });

  it('a dynamic multiple requirement gains and loses single providers, and keeps the wires of the others', () => {
    const user = need({ dynamic: true, multiple: true });
    const [german, french] = [offer('german', 'de'), offer('french', 'fr')];
    const one = resolved([user, german]).wiring;
    const two = resolved([user, german, french], { wired: one });
    const three = resolved([user, french], { wired: two.wiring });
    assert.deepEqual(
      {
        two: toMessages(wires(two.wiring)),
        kept: one.get(user.key)?.every((wire) => two.wiring.get(user.key)?.includes(wire)),
        rewired: two.rewired,
        three: toMessages(wires(three.wiring)),
      },
      {
        two: ['french@1.0.0#1', 'german@1.0.0#1'],
        kept: true,
        rewired: [french.key, user.key],
        three: ['french@1.0.0#1'],
      },
    );
  });
});
