/** A bundle that keeps records: migration, statements, units of work, events that leave with the commit. */
import { asBigint, contract, Data, defineBundle, Events, method, SluiceError, Type, type DataService, type Migration } from '@sluice/sdk';

/** What the bundle offers. */
export const Records = contract('sample.Records', '1.0.0', {
  add: method([Type.Unsafe<bigint>({}), Type.String()], Type.Array(Type.String()), 'adds in a unit of work; tells what ran in which order'),
  addAndFail: method([Type.Unsafe<bigint>({}), Type.String()], Type.Null()),
  addBoth: method([Type.Unsafe<bigint>({}), Type.String()], Type.Null(), 'two statements in a unit that ends early'),
  list: method([], Type.Array(Type.String())),
  peek: method([Type.String()], Type.Null(), 'runs a statement that no manifest lists'),
  useModels: method([], Type.Null()),
  loopInUnit: method([], Type.Null(), 'never ends, with a transaction open'),
});

const ENTRIES: Migration = {
  name: '0001-entries',
  phase: 'expand',
  up: async (db) => void (await db.execute(`CREATE TABLE ${db.table('entry')} (id bigint PRIMARY KEY, label text)`)),
  down: async (db) => void (await db.execute(`DROP TABLE ${db.table('entry')}`)),
};

export default defineBundle({
  provides: [Records],
  requires: [Data, { contract: Events, optional: true }],

  async activate(context) {
    const data = context.reference(Data);
    const events = context.optional(Events);
    await data.migrate([ENTRIES]);
    const insert = `INSERT INTO ${data.table('entry')} (id, label) VALUES (?, ?)`;
    context.register(Records, {
      add: async (id, label) => {
        const order: string[] = [];
        await data.unitOfWork(async (unit) => {
          unit.afterCommit(() => order.push('after commit'));
          await unit.execute(insert, [id, label]);
          await unit.emit('sample/added', String(id), { id: String(id) });
          order.push('in unit');
        });
        events.get()?.post('sample/added', 'k', { id: String(id) });
        return order;
      },
      addAndFail: async (id, label) => {
        await data.unitOfWork(async (unit) => {
          await unit.execute(insert, [id, label]);
          throw new SluiceError('SAMPLE_ROLLBACK', 'as asked');
        });
        return null;
      },
      addBoth: async (id, label) => {
        await data.unitOfWork(async (unit) => {
          const first = unit.execute(insert, [id, label]);
          const second = unit.execute(insert, [id + 1n, label]);
          unit.finish();
          await Promise.all([first, second]);
        });
        return null;
      },
      list: () => list(data),
      peek: async (sql) => {
        await data.query(sql);
        return null;
      },
      useModels: async () => {
        data.define('Entry', {});
        return null;
      },
      loopInUnit: async () => {
        await data.unitOfWork(async (unit) => {
          await unit.execute(insert, [99n, 'never']);
          for (let turns = 0; ; turns += 1) if (turns < 0) return;
        });
        return null;
      },
    });
  },
});

async function list(data: DataService): Promise<string[]> {
  const rows = await data.query(`SELECT id, label
    FROM ${data.table('entry')} ORDER BY id`);
  return rows.map((row) => `${asBigint(row['id'])} ${String(row['label'])}`);
}
