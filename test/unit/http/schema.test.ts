/** Validators and the conversion between digits in JSON and `bigint` in code. */
import { strict as assert } from 'node:assert';
import { bigintText, MoneySchema, Type, type TSchema } from '@sluice/sdk';
import { SchemaCache, type InputMistake, type SchemaMode } from '../../../plugins/system/http/domain/schema-cache.js';
import { encodeBigints, portableSchema } from '../../../plugins/system/http/domain/schema-values.js';

function read(schema: TSchema, value: unknown, mode: SchemaMode = 'json'): { value: unknown; mistakes: readonly InputMistake[] } {
  const compiled = new SchemaCache().acquire(schema, mode);
  const mistakes: InputMistake[] = [];
  const ok = compiled.check(value, '/body', mistakes);
  return { value: ok && compiled.decode !== null ? compiled.decode(value) : value, mistakes };
}

describe('schema values', () => {
  it('decode digits where the schema says bigint, at any depth and nowhere else', () => {
    const schema = Type.Object({
      money: MoneySchema,
      list: Type.Array(Type.Object({ minor: bigintText() })),
      pair: Type.Tuple([bigintText(), Type.String()]),
      byName: Type.Record(Type.String(), bigintText()),
      both: Type.Intersect([Type.Object({ a: bigintText() }), Type.Object({ b: Type.String() })]),
      maybe: Type.Optional(bigintText()),
      plain: Type.String(),
    });
    const { value, mistakes } = read(schema, {
      money: { minor: '12', currency: 'CNY' },
      list: [{ minor: '-1' }, { minor: '0' }],
      pair: ['5', '5'],
      byName: { x: '1', y: '2' },
      both: { a: '3', b: '3' },
      plain: '7',
    });
    assert.deepEqual(mistakes, []);
    assert.deepEqual(value, {
      money: { minor: 12n, currency: 'CNY' },
      list: [{ minor: -1n }, { minor: 0n }],
      pair: [5n, '5'],
      byName: { x: 1n, y: 2n },
      both: { a: 3n, b: '3' },
      plain: '7',
    });
  });

  it('decode the branch of a union that the value took', () => {
    const schema = Type.Object({
      amount: Type.Union([bigintText(), Type.Null()]),
      source: Type.Union([
        Type.Object({ kind: Type.Literal('fixed'), value: bigintText() }),
        Type.Object({ kind: Type.Literal('named'), value: Type.String() }),
      ]),
    });
    assert.deepEqual(read(schema, { amount: null, source: { kind: 'named', value: '12' } }).value, {
      amount: null,
      source: { kind: 'named', value: '12' },
    });
    assert.deepEqual(read(schema, { amount: '9', source: { kind: 'fixed', value: '12' } }).value, {
      amount: 9n,
      source: { kind: 'fixed', value: 12n },
    });
  });

  it('follow schemas that contain themselves', () => {
    const tree = Type.Recursive((self) => Type.Object({ value: bigintText(), children: Type.Array(self) }), { $id: 'Tree' });
    assert.deepEqual(read(tree, { value: '1', children: [{ value: '2', children: [] }] }).value, {
      value: 1n,
      children: [{ value: 2n, children: [] }],
    });
  });

  it('refuse amounts that are no digits, or too many', () => {
    const schema = Type.Object({ minor: bigintText({ minimum: 0n }) });
    for (const minor of ['01', '1.5', '-1', '1e3', '', '1234567890123456789', 15, null]) {
      assert.equal(read(schema, { minor }).mistakes.length > 0, true, String(minor));
    }
  });

  it('encode bigints without touching what they were given', () => {
    const given = Object.freeze({ a: Object.freeze([1n, Object.freeze({ b: 2n })]), c: 'x', d: null });
    assert.deepEqual(encodeBigints(given), { a: ['1', { b: '2' }], c: 'x', d: null });
    const plain = { a: [1, { b: 2 }] };
    assert.equal(encodeBigints(plain), plain);
  });

  it('convert what arrives as text, and fill in defaults, only for input', () => {
    const schema = Type.Object({
      limit: Type.Integer({ default: 20 }),
      tags: Type.Optional(Type.Array(Type.String())),
      on: Type.Optional(Type.Boolean()),
    });
    assert.deepEqual(read(schema, { tags: 'a', on: 'true' }, 'text'), { value: { limit: 20, tags: ['a'], on: true }, mistakes: [] });
    assert.deepEqual(read(schema, { limit: '5' }, 'json').mistakes, [{ path: '/body/limit', message: 'must be integer, found string' }]);
    assert.deepEqual(read(schema, {}, 'reply').mistakes, [{ path: '/body/limit', message: 'is required' }]);
  });

  it('are shared by equal schemas and gone with their last user', () => {
    const cache = new SchemaCache();
    const first = cache.acquire(Type.Object({ a: Type.String() }), 'json');
    const second = cache.acquire(Type.Object({ a: Type.String() }), 'json');
    const other = cache.acquire(Type.Object({ a: Type.String() }), 'text');
    assert.deepEqual([first === second, first === other, cache.size], [true, false, 2]);
    cache.release(first);
    assert.equal(cache.has(Type.Object({ a: Type.String() }), 'json'), true);
    cache.release(second);
    cache.release(other);
    assert.equal(cache.size, 0);
  });

  it('refuse schemas with misspelt keywords', () => {
    assert.throws(() => new SchemaCache().acquire({ type: 'string', minLenght: 3 }, 'json'), { code: 'ROUTE_SCHEMA_INVALID' });
    assert.throws(() => new SchemaCache().acquire({ type: 'strin' }, 'json'), { code: 'ROUTE_SCHEMA_INVALID' });
  });

  it('keep properties whatever they are called when vendor keywords are left out', () => {
    const schema = {
      type: 'object',
      'x-note': 1,
      properties: { 'x-a': { type: 'string', 'x-b': 1 }, $id: { type: 'string' } },
      enum: [{ 'x-c': 1 }],
      $id: 'Once',
    };
    assert.deepEqual(portableSchema(schema, false), {
      type: 'object',
      properties: { 'x-a': { type: 'string' }, $id: { type: 'string' } },
      enum: [{ 'x-c': 1 }],
    });
  });
});
