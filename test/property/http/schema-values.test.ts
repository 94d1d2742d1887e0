/** What a handler answers with bigints reaches a client as text, and the same text read again gives the same bigints. */
import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { bigintText, Type, type TSchema } from '@sluice/sdk';
import { SchemaCache } from '../../../plugins/system/http/domain/schema-cache.js';
import { encodeBigints } from '../../../plugins/system/http/domain/schema-values.js';

interface Case {
  readonly schema: TSchema;
  readonly value: unknown;
}

const AMOUNT = 10n ** 18n - 1n;
const { cases } = fc.letrec<{ cases: Case }>((tie) => ({
  cases: fc.oneof(
    { maxDepth: 4 },
    fc.bigInt({ min: -AMOUNT, max: AMOUNT }).map((value) => ({ schema: bigintText(), value })),
    fc.constantFrom('12', '-3', 'x', '').map((value) => ({ schema: Type.String(), value })),
    fc.boolean().map((value) => ({ schema: Type.Boolean(), value })),
    fc.array(tie('cases'), { maxLength: 3 }).map((items) => ({
      schema: Type.Object(Object.fromEntries(items.map(({ schema }, index) => [`p${index}`, schema]))),
      value: Object.fromEntries(items.map(({ value }, index) => [`p${index}`, value])),
    })),
    tie('cases').chain(({ schema, value }) =>
      fc.integer({ min: 0, max: 3 }).map((length) => ({ schema: Type.Array(schema), value: Array.from({ length }, () => value) })),
    ),
    fc
      .array(tie('cases'), { minLength: 1, maxLength: 3 })
      .map((items) => ({ schema: Type.Tuple(items.map(({ schema }) => schema)), value: items.map(({ value }) => value) })),
    tie('cases').map(({ schema, value }) => ({ schema: Type.Union([Type.Null(), schema]), value })),
  ),
}));

describe('bigint values', () => {
  it('survive the way out and in again, through any schema', () => {
    fc.assert(
      fc.property(cases, ({ schema, value }) => {
        const cache = new SchemaCache();
        const encoded = encodeBigints(value);
        const reply = cache.acquire(schema, 'reply');
        assert.equal(reply.check(encoded, '', []), true);
        const received = JSON.parse(JSON.stringify(encoded)) as unknown;
        const body = cache.acquire(schema, 'json');
        assert.equal(body.check(received, '', []), true);
        assert.deepEqual(body.decode === null ? received : body.decode(received), value);
      }),
      { numRuns: 60 },
    );
  });
});
