/** The book of visits: a Sequelize model, written in a unit of work with a durable event. */
import {
  Component,
  Context,
  contract,
  Data,
  method,
  Reference,
  topic,
  Type,
  type BundleContext,
  type Migration,
  type ServiceOf,
} from '@sluice/sdk';

/** Contract between the components of this bundle. */
export const Visits = contract('verify.Visits', '1.0.0', { add: method([Type.String()], Type.Number()) });

/** Every visit, durable. */
export const Visited = topic('verify.visited', Type.Object({ visitor: Type.String() }));

/** Schema of the book. */
export const migrations: readonly Migration[] = [
  {
    name: '0001-visit',
    phase: 'expand',
    async up(db) {
      await db.execute(`CREATE TABLE ${db.table('visit')} (visitor TEXT PRIMARY KEY, visits INTEGER NOT NULL)`);
    },
    async down(db) {
      await db.execute(`DROP TABLE ${db.table('visit')}`);
    },
  },
];

/** Keeps the book. */
@Component({ provides: Visits })
export class VisitBook implements ServiceOf<typeof Visits> {
  readonly #model;

  constructor(
    @Reference(Data) private readonly data: ServiceOf<typeof Data>,
    @Context() context: BundleContext,
  ) {
    const { STRING, INTEGER } = data.types;
    const columns = { visitor: { type: STRING, primaryKey: true }, visits: { type: INTEGER, allowNull: false } };
    this.#model = data.define('visit', columns, { timestamps: false });
    context.own('a name for the book', () => undefined);
  }

  add(visitor: string): Promise<number> {
    return this.data.unitOfWork(async (unit) => {
      const { transaction } = unit;
      const [row] = await this.#model.findOrCreate({ where: { visitor }, defaults: { visits: 0 }, transaction });
      const visits = Number(row.get('visits')) + 1;
      await row.update({ visits }, { transaction });
      await unit.emit(Visited.name, visitor, { visitor });
      return visits;
    });
  }
}
