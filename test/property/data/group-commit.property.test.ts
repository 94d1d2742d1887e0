import assert from 'node:assert/strict';
import fc from 'fast-check';
import { codeOfRejection, sqlitePlace, type Place, type TestDatabase } from '../../contract/data/databases.js';

/** One call on the database, in the order of the calls. */
type Call =
  | {
      readonly kind: 'unit';
      readonly adds: readonly number[];
      readonly end: 'commits' | 'throws' | 'violates' | 'swallows';
      readonly waits: number;
    }
  | { readonly kind: 'statement'; readonly add: number }
  | { readonly kind: 'read' };

const call: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('unit' as const),
      adds: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 4 }),
      end: fc.constantFrom('commits' as const, 'commits' as const, 'throws' as const, 'violates' as const, 'swallows' as const),
      waits: fc.nat({ max: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('statement' as const), add: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('read' as const) }) },
);

const ADD = 'UPDATE core_ledger_sum SET total = total + ?';

describe('group commit (property)', () => {
  let place: Place;
  let database: TestDatabase;
  before(async () => {
    place = sqlitePlace();
    database = await place.open({ settings: { groupTimeMs: 1_000 } });
    await database.service('core.ledger').execute('CREATE TABLE core_ledger_sum (total bigint NOT NULL CHECK (total < 1000000))');
  });
  after(async () => {
    await database.close();
    await place.dispose();
  });

  /** What a serial run of the calls leaves, and what each read of it sees. */
  function model(calls: readonly Call[]): { outcomes: unknown[]; total: number } {
    let total = 0;
    const outcomes = calls.map((one) => {
      if (one.kind === 'read') return total;
      if (one.kind === 'statement') return void (total += one.add);
      if (one.end !== 'commits') return one.end;
      total += one.adds.reduce((sum, add) => sum + add, 0);
      return 'commits';
    });
    return { outcomes, total };
  }

  it('leaves what a serial run of the same calls would leave, and shows each read that state', async () => {
    const data = database.service('core.ledger');
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 25 }), async (calls) => {
        await data.execute('DELETE FROM core_ledger_sum');
        await data.execute('INSERT INTO core_ledger_sum VALUES (0)');
        const outcomes = await Promise.all(calls.map((one) => run(one)));
        const [row] = await data.query('SELECT total FROM core_ledger_sum');
        assert.deepEqual({ outcomes, total: row?.['total'] }, model(calls));
      }),
      { numRuns: 150 },
    );
  });

  async function run(one: Call): Promise<unknown> {
    const data = database.service('core.ledger');
    if (one.kind === 'read') return (await data.query('SELECT total FROM core_ledger_sum'))[0]?.['total'];
    if (one.kind === 'statement') return void (await data.execute(ADD, [one.add]));
    const code = await codeOfRejection(
      data.unitOfWork(async (unit) => {
        for (const add of one.adds) await unit.execute(ADD, [add]);
        for (let wait = 0; wait < one.waits; wait += 1) await new Promise<void>((resolve) => setImmediate(resolve));
        if (one.end === 'throws') throw new Error('thrown');
        if (one.end === 'violates') await unit.execute(ADD, [1_000_000]);
        if (one.end === 'swallows') await unit.execute(ADD, [1_000_000]).catch(() => undefined);
      }),
    );
    return { fulfilled: 'commits', thrown: 'throws', DATA_CHECK: 'violates', DATA_UNIT_ROLLBACK_ONLY: 'swallows' }[code] ?? code;
  }
});
