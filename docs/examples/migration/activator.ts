/** Notes in a database. Tables carry the bundle's prefix; a unit of work commits or rolls back as a whole. */
import { Data, defineBundle, reply, route, Routes, serveRoutes, Type } from '@sluice/sdk';
import { migrations } from './migrations.js';

const Note = Type.Object({ text: Type.String({ minLength: 1, maxLength: 200 }), author: Type.String({ minLength: 1, maxLength: 40 }) });

export default defineBundle({
  provides: [Routes],
  requires: [Data],

  async activate(context) {
    const data = context.reference(Data);
    await data.migrate(migrations);
    const table = data.table('note');
    const add = route({
      method: 'POST',
      path: '/',
      operationId: 'addNote',
      summary: 'Keeps a note',
      schemas: { body: Note, responses: { 201: Note } },
      handler: async ({ body }) => {
        await data.unitOfWork((unit) => unit.execute(`INSERT INTO ${table} (text, author) VALUES (?, ?)`, [body.text, body.author]));
        return reply(201, body);
      },
    });
    const list = route({
      method: 'GET',
      path: '/',
      operationId: 'notes',
      summary: 'All notes, oldest first',
      schemas: { responses: { 200: Type.Object({ notes: Type.Array(Note) }) } },
      handler: async () => {
        const rows = await data.unitOfWork((unit) => unit.query(`SELECT text, author FROM ${table} ORDER BY id`));
        return reply(200, { notes: rows.map(({ text, author }) => ({ text: String(text), author: String(author ?? 'unknown') })) });
      },
    });
    serveRoutes(context, { title: 'Notes', routes: [add, list] });
  },
});
