/** Singletons: one version at a time, which one, and why. */
import assert from 'node:assert/strict';
import { bundle, problems, resolved, wires } from './bundles.js';

describe('resolver: singletons', () => {
  const one = bundle('a@1.0.0', { provides: ['x.X@1.0.0'] });
  const two = bundle('a@2.0.0', { provides: ['x.X@1.1.0'] });
  const user = bundle('user@1.0.0', { requires: ['x.X@^1.0.0'] });

  it('the highest version wins, and consumers are wired to it', () => {
    const { ok, wiring, others } = resolved([one, two, user], { required: [user.key] });
    assert.deepEqual(
      { ok, wires: wires(wiring), others },
      {
        ok: true,
        wires: ['user@1.0.0#1 -> a@2.0.0#1 x.X@1.1.0'],
        others: [
          {
            kind: 'singleton-conflict',
            code: 'RESOLVER_SINGLETON_CONFLICT',
            bundle: 'a@1.0.0#1',
            symbolicName: 'a',
            chosen: 'a@2.0.0#1',
            because: 'version',
            suggestion: `Uninstall 'a@2.0.0#1' first, deploy 'a@1.0.0#1' as its successor, or set "singleton": false in both.`,
          },
        ],
      },
    );
  });

  it('a required version wins over a higher one', () => {
    const { ok, wiring } = resolved([one, two, user], { required: [one.key] });
    assert.deepEqual({ ok, wires: wires(wiring) }, { ok: true, wires: ['user@1.0.0#1 -> a@1.0.0#1 x.X@1.0.0'] });
  });

  it('a wired version wins over both', () => {
    const before = resolved([one, user]).wiring;
    const after = resolved([one, two, user], { wired: before, required: [two.key] });
    assert.deepEqual(
      { ok: after.ok, wires: wires(after.wiring), problems: problems(after) },
      {
        ok: false,
        wires: ['user@1.0.0#1 -> a@1.0.0#1 x.X@1.0.0'],
        problems: [
          `Cannot resolve 'a@2.0.0#1': only one version of 'a' may be resolved, and 'a@1.0.0#1' is, because it was resolved before. Uninstall 'a@1.0.0#1' first, deploy 'a@2.0.0#1' as its successor, or set "singleton": false in both.`,
        ],
      },
    );
  });

  it('both required is a conflict that is reported', () => {
    const { ok, problems: found } = resolved([one, two]);
    assert.deepEqual([ok, found.map(({ kind, bundle: key }) => [kind, key])], [false, [['singleton-conflict', one.key]]]);
  });

  it('between equal versions the one installed first wins', () => {
    const twin = { ...one, key: 'a@1.0.0#7', bundleId: Number.MAX_SAFE_INTEGER };
    const { others } = resolved([twin, one], { required: [] });
    assert.deepEqual(
      others.map((problem) => [problem.bundle, problem.kind === 'singleton-conflict' && problem.because]),
      [['a@1.0.0#7', 'order']],
    );
  });

  it('a version that cannot resolve does not stand in the way', () => {
    const broken = bundle('a@3.0.0', { requires: ['x.Missing@^1.0.0'] });
    const { ok, wiring } = resolved([one, broken, user], { required: [user.key] });
    assert.deepEqual([ok, wires(wiring)], [true, ['user@1.0.0#1 -> a@1.0.0#1 x.X@1.0.0']]);
  });

  it('a version that was chosen and then could not resolve gives way', () => {
    // 2.0.0 is chosen, then falls in a circle of imports; 1.0.0 must come back.
    const circle = bundle('a@2.0.0', { provides: ['x.X@1.1.0'], exports: ['pa'], imports: ['pb@*'] });
    const other = bundle('b@1.0.0', { exports: ['pb'], imports: ['pa@*'] });
    const { ok, wiring, others } = resolved([one, circle, other, user], { required: [user.key] });
    assert.deepEqual([ok, wires(wiring)], [true, ['user@1.0.0#1 -> a@1.0.0#1 x.X@1.0.0']]);
    assert.deepEqual(
      others.map(({ kind, bundle: key }) => [kind, key]),
      [
        ['cycle', circle.key],
        ['chain', other.key],
      ],
    );
  });

  it('a version that needs another version of itself gives way to it', () => {
    const base = bundle('a@1.0.0', { exports: ['pa'] });
    const selfish = bundle('a@2.0.0', { imports: ['pa@^1.0.0'] });
    const { wiring, problems: found } = resolved([base, selfish]);
    assert.deepEqual(
      [[...wiring.keys()], found.map((problem) => [problem.bundle, problem.kind === 'singleton-conflict' && problem.because])],
      [[base.key], [[selfish.key, 'needed']]],
    );
  });

  it('two versions that need each other are told so', () => {
    const [one, two] = [
      bundle('a@1.0.0', { exports: ['pa'], imports: ['pb@*'] }),
      bundle('a@2.0.0', { exports: ['pb'], requires: ['x.A@^1.0.0'] }),
    ];
    const third = bundle('a@3.0.0', { provides: ['x.A@1.0.0'], imports: ['pa@*'] });
    const found = problems(resolved([one, two, third]));
    assert.equal(found.length, 3);
    assert.equal(
      found[0],
      `Cannot resolve 'a@1.0.0#1': it needs what 'a@2.0.0#1' offers, and only one version of 'a' may be resolved. Uninstall 'a@2.0.0#1' first, deploy 'a@1.0.0#1' as its successor, or set "singleton": false in both.`,
    );
  });

  it('versions that say so live side by side, and beside one singleton', () => {
    const free = (version: string) => bundle(`lib@${version}`, { exports: ['lib'], section: { singleton: false } });
    const { ok, wiring } = resolved([free('1.0.0'), free('2.0.0'), bundle('lib@3.0.0', { exports: ['lib'] })]);
    assert.deepEqual([ok, wiring.size], [true, 3]);
  });
});
