/** The report: every problem, typed, causes first, with something to do. */
import assert from 'node:assert/strict';
import { bundle, problems, resolved } from './bundles.js';

describe('resolver: report', () => {
  it('tells what is missing, with names that look alike', () => {
    const near = bundle('near@1.0.0', { provides: ['core.ledger.Balances@1.0.0', 'core.ledger.Postings@1.0.0'] });
    const user = bundle('user@1.0.0', { requires: ['core.ledger.Balance@^1.0.0'] });
    const { problems: found } = resolved([near, user]);
    assert.deepEqual(found, [
      {
        kind: 'missing',
        code: 'RESOLVER_MISSING',
        bundle: user.key,
        requirement: { namespace: 'sluice.contract', name: 'core.ledger.Balance', range: '^1.0.0', filter: null },
        nearest: ['core.ledger.Balances'],
        suggestion: "Deploy a bundle that offers 'core.ledger.Balance' in ^1.0.0, or correct the name: 'core.ledger.Balances' is offered.",
      },
    ]);
    assert.deepEqual(problems(resolved([near, user])), [
      "Cannot resolve 'user@1.0.0#1': it needs contract 'core.ledger.Balance' in ^1.0.0, which nothing deployed offers (similar: 'core.ledger.Balances'). Deploy a bundle that offers 'core.ledger.Balance' in ^1.0.0, or correct the name: 'core.ledger.Balances' is offered.",
    ]);
  });

  it('tells which candidates were refused, and by what, highest version first', () => {
    const offer = (name: string, version: string, currency: string) =>
      bundle(`${name}@1.0.0`, { section: { provides: [{ contract: 'x.X', version, attributes: { currency } }] } });
    const user = bundle('user@1.0.0', { section: { requires: [{ contract: 'x.X', range: '^2.0.0', filter: '(currency=CNY)' }] } });
    const { problems: found } = resolved([offer('a', '1.0.0', 'CNY'), offer('b', '3.0.0', 'CNY'), offer('c', '2.1.0', 'USD'), user]);
    assert.deepEqual(found, [
      {
        kind: 'filtered',
        code: 'RESOLVER_FILTERED',
        bundle: user.key,
        requirement: { namespace: 'sluice.contract', name: 'x.X', range: '^2.0.0', filter: '(currency=CNY)' },
        refused: [
          { provider: 'b@1.0.0#1', version: '3.0.0', by: 'range' },
          { provider: 'c@1.0.0#1', version: '2.1.0', by: 'filter' },
          { provider: 'a@1.0.0#1', version: '1.0.0', by: 'range' },
        ],
        suggestion: "Deploy a provider of 'x.X' in ^2.0.0, or a revision of 'user@1.0.0#1' that accepts 3.0.0.",
      },
    ]);
  });

  it('lists at most five refused candidates', () => {
    const many = Array.from({ length: 9 }, (_, index) => bundle(`p${index}@1.0.0`, { provides: [`x.X@1.${index}.0`] }));
    const [found] = resolved([...many, bundle('user@1.0.0', { requires: ['x.X@^2.0.0'] })]).problems;
    assert.deepEqual(found?.kind === 'filtered' && found.refused.map(({ version }) => version), [
      '1.8.0',
      '1.7.0',
      '1.6.0',
      '1.5.0',
      '1.4.0',
    ]);
  });

  it('reports all problems of all bundles at once, causes before chains', () => {
    const candidates = [
      bundle('top@1.0.0', { requires: ['x.Middle@^1.0.0'] }),
      bundle('middle@1.0.0', { provides: ['x.Middle@1.0.0'], requires: ['x.Foot@^1.0.0'] }),
      bundle('foot@1.0.0', { provides: ['x.Foot@1.0.0'], requires: ['x.Gone@^1.0.0', 'x.Lost@^1.0.0'], imports: ['nowhere@*'] }),
      bundle('alone@1.0.0', { imports: ['nothing@^2.0.0'] }),
    ];
    assert.deepEqual(
      resolved(candidates).problems.map((problem) => [
        problem.kind,
        problem.bundle,
        problem.kind === 'chain' ? problem.path : 'requirement' in problem && problem.requirement.name,
      ]),
      [
        ['missing', 'foot@1.0.0#1', 'nowhere'],
        ['missing', 'foot@1.0.0#1', 'x.Gone'],
        ['missing', 'foot@1.0.0#1', 'x.Lost'],
        ['missing', 'alone@1.0.0#1', 'nothing'],
        ['chain', 'top@1.0.0#1', ['top@1.0.0#1', 'middle@1.0.0#1', 'foot@1.0.0#1']],
        ['chain', 'middle@1.0.0#1', ['middle@1.0.0#1', 'foot@1.0.0#1']],
      ],
    );
  });

  it('explains a chain by its shortest way to a cause', () => {
    const candidates = [
      bundle('far@1.0.0', { provides: ['x.Far@1.0.0'], requires: ['x.Near@^1.0.0'] }),
      bundle('near@1.0.0', { provides: ['x.Near@1.0.0'], requires: ['x.Gone@^1.0.0'] }),
      bundle('user@1.0.0', { requires: ['x.Far@^1.0.0', 'x.Near@^1.0.0'] }),
    ];
    const chain = resolved(candidates, { required: ['user@1.0.0#1'] });
    assert.deepEqual(problems(chain), [
      "Cannot resolve 'near@1.0.0#1': it needs contract 'x.Gone' in ^1.0.0, which nothing deployed offers. Deploy a bundle that offers 'x.Gone' in ^1.0.0.",
      "Cannot resolve 'user@1.0.0#1': it needs contract 'x.Near' in ^1.0.0, whose provider does not resolve ('user@1.0.0#1' -> 'near@1.0.0#1'): it needs contract 'x.Gone' in ^1.0.0, which nothing deployed offers. Deploy a bundle that offers 'x.Gone' in ^1.0.0.",
    ]);
    assert.deepEqual(
      chain.others.map(({ bundle: key }) => key),
      ['far@1.0.0#1'],
    );
  });

  it('keeps both ends of a very long chain', () => {
    const links = Array.from({ length: 100 }, (_, index) =>
      bundle(`n${index}@1.0.0`, { provides: [`x.C${index}@1.0.0`], requires: [`x.C${index - 1}@^1.0.0`.replace('C-1', 'Gone')] }),
    );
    const last = resolved(links).problems.find(({ bundle: key }) => key === 'n99@1.0.0#1');
    assert.ok(last?.kind === 'chain');
    assert.deepEqual([last.path.length, last.omitted, last.path[0], last.path[31]], [32, 68, 'n99@1.0.0#1', 'n0@1.0.0#1']);
    assert.match(problems(resolved(links, { required: [last.bundle] }))[1] ?? '', /'n84@1\.0\.0#1' -> 68 more -> 'n15@1\.0\.0#1'/);
  });

  it('bundles that need each other and something missing are told what is missing', () => {
    const candidates = [
      bundle('a@1.0.0', { provides: ['x.A@1.0.0'], requires: ['x.B@^1.0.0', 'x.Gone@^1.0.0'] }),
      bundle('b@1.0.0', { provides: ['x.B@1.0.0'], requires: ['x.A@^1.0.0'] }),
    ];
    assert.deepEqual(
      resolved(candidates).problems.map(({ kind, bundle: key }) => [kind, key]),
      [
        ['missing', 'a@1.0.0#1'],
        ['chain', 'b@1.0.0#1'],
      ],
    );
  });
});
