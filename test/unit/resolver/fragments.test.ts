/** Fragments (OSGi Core 8, 3.14): they resolve to their hosts, and never keep one from resolving. */
import assert from 'node:assert/strict';
import type { ResolverBundle } from '@sluice/kernel/resolver/index';
import { bundle, nextRevision, problems, resolved, wires } from './bundles.js';

const fragment = (host: string, range = '^1.0.0', section: object = {}): ResolverBundle =>
  bundle('texts@1.0.0', { section: { fragment: { host, range }, ...section } });
const hostsOf = (all: readonly string[]) => all.filter((text) => text.startsWith('texts@')).map((text) => text.split(' ')[2]);

describe('resolver: fragments', () => {
  it('are wired to every host in their range', () => {
    const hosts = ['1.0.0', '1.4.0', '2.0.0'].map((version) => bundle(`shop@${version}`, { section: { singleton: false } }));
    assert.deepEqual(hostsOf(wires(resolved([fragment('shop'), ...hosts]).wiring)), ['shop@1.0.0#1', 'shop@1.4.0#1']);
  });

  it('without a host do not resolve, and say which there might be', () => {
    assert.deepEqual(problems(resolved([fragment('shob'), bundle('shop@1.0.0')])), [
      "Cannot resolve 'texts@1.0.0#1': it needs bundle 'shob' in ^1.0.0 with (&(!(type=fragment))(!(fragment-attachment=never))), which nothing deployed offers (similar: 'shop'). Deploy a bundle that offers 'shob' in ^1.0.0, or correct the name: 'shop' is offered.",
    ]);
  });

  it('are refused by a host that takes none, and by another fragment', () => {
    const closed = bundle('shop@1.0.0', { section: { fragmentAttachment: 'never' } });
    const other = bundle('shop@1.0.0', { section: { fragment: { host: 'texts' } } });
    assert.deepEqual(
      [closed, other].map((host) => {
        const found = resolved([fragment('shop'), host]).problems.find((problem) => problem.bundle === 'texts@1.0.0#1');
        return [found?.kind, found?.kind === 'filtered' ? found.refused[0]?.by : null];
      }),
      [
        ['filtered', 'filter'],
        ['filtered', 'filter'],
      ],
    );
  });

  it('that lack something are left out, and their host resolves without them', () => {
    const host = bundle('shop@1.0.0');
    const lacking = fragment('shop', '^1.0.0', { requirements: [{ namespace: 'n.Gone' }] });
    const { wiring } = resolved([lacking, host], { required: [host.key] });
    assert.deepEqual([...wiring.keys()], [host.key]);
  });

  it('offer capabilities of their own, and only while they have a host', () => {
    const texts = fragment('shop', '^1.0.0', { capabilities: [{ namespace: 'n.Messages', attributes: { language: 'de' } }] });
    const user = bundle('user@1.0.0', { section: { requirements: [{ namespace: 'n.Messages', filter: '(language=de)' }] } });
    assert.deepEqual(
      [resolved([texts, user, bundle('shop@1.0.0')]), resolved([texts, user])].map(({ ok, wiring }) => [ok, wiring.has(user.key)]),
      [
        [true, true],
        [false, false],
      ],
    );
  });

  it('that come later are attached, move along with a host that is replaced, and join a second host', () => {
    const first = bundle('shop@1.0.0', { section: { singleton: false } });
    const texts = fragment('shop', '>=1.0.0');
    const alone = resolved([first]).wiring;
    const joined = resolved([first, texts], { wired: alone });
    assert.deepEqual([hostsOf(wires(joined.wiring)), joined.rewired], [['shop@1.0.0#1'], [texts.key]]);
    const next = nextRevision(first);
    const moved = resolved([next, texts], { wired: joined.wiring });
    assert.deepEqual(hostsOf(wires(moved.wiring)), ['shop@1.0.0#2']);
    const second = bundle('shop@2.0.0', { section: { singleton: false } });
    const both = resolved([next, texts, second], { wired: moved.wiring });
    assert.deepEqual(hostsOf(wires(both.wiring)), ['shop@1.0.0#2', 'shop@2.0.0#1']);
    assert.deepEqual([...resolved([texts], { wired: both.wiring, required: [] }).wiring.keys()], []);
  });
});
