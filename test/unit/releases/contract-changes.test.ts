import { strict as assert } from 'node:assert';
import { contract, localContract, method, syncMethod, Type, type Contract } from '@sluice/sdk';
import { deriveManifest } from '@sluice/kernel/cli/toolchain/contracts';
import { contractChanges, contractProblems } from '@sluice/kernel/lifecycle/contract-changes';
import { schemaGap } from '@sluice/kernel/lifecycle/schema-compatibility';
import { parseManifest, type Manifest } from '@sluice/kernel/model/index';
import { defineBundle } from '@sluice/sdk';

function manifestOf(...provides: readonly Contract[]): Manifest {
  const derived = deriveManifest(defineBundle({ provides }));
  const result = parseManifest({
    name: '@test/rates',
    version: '1.0.0',
    sluice: { sdk: '^1.0.0', symbolicName: 'test.rates', ...derived },
  });
  if (!result.ok) throw new Error(JSON.stringify(result.mistakes));
  return result.manifest;
}

type Methods = Parameters<typeof contract>[2];
const rates = (version: string, methods: Methods): Contract => contract('test.Rates', version, methods) as Contract;

/** What is told about the step from one contract to another: members with a mark for breaking ones, and the code of the refusal. */
function step(before: Contract, after: Contract): { readonly members: readonly string[]; readonly refused: string | null } {
  const changes = contractChanges(manifestOf(before), manifestOf(after));
  const [problem] = contractProblems(changes, () => '2.0.0');
  const members = changes.flatMap((change) =>
    change.members.map(({ member, breaking, text }) => `${breaking ? '!' : ''}${member} ${text}`),
  );
  return { members, refused: problem?.message ?? null };
}

const Get = method([Type.String()], Type.Number());

describe('changes of contracts', () => {
  it('are none when nothing but a text changed', () => {
    const before = rates('1.0.0', { get: method([Type.String({ description: 'old' })], Type.Number()) });
    const after = rates('1.0.0', { get: method([Type.String({ description: 'new' })], Type.Number()) });
    assert.deepEqual(contractChanges(manifestOf(before), manifestOf(after)), []);
  });

  it('refuse a removed method and name contract and member', () => {
    const { members, refused } = step(rates('1.2.0', { get: Get, list: Get }), rates('1.3.0', { get: Get }));
    assert.deepEqual(members, ['!list is removed']);
    assert.equal(
      refused,
      `'test.rates' 2.0.0 breaks contract 'test.Rates', 1.2.0 before and 1.3.0 now, without a major step: 'list' is removed`,
    );
  });

  it('accept it with a major step, and below 1.0.0 with a minor one', () => {
    assert.equal(step(rates('1.2.0', { get: Get, list: Get }), rates('2.0.0', { get: Get })).refused, null);
    assert.equal(step(rates('0.2.0', { get: Get, list: Get }), rates('0.3.0', { get: Get })).refused, null);
    assert.notEqual(step(rates('0.2.0', { get: Get, list: Get }), rates('0.2.1', { get: Get })).refused, null);
  });

  it('leave a version that goes down to the resolver', () => {
    assert.equal(step(rates('1.3.0', { get: Get, list: Get }), rates('1.2.0', { get: Get })).refused, null);
  });

  it('accept what callers cannot notice: new methods, wider arguments, narrower results', () => {
    const before = rates('1.0.0', { get: method([Type.Object({ a: Type.String() })], Type.Union([Type.Number(), Type.Null()])) });
    const after = rates('1.1.0', {
      get: method([Type.Object({ a: Type.Union([Type.String(), Type.Number()]), b: Type.Optional(Type.String()) })], Type.Integer()),
      more: Get,
    });
    assert.deepEqual(step(before, after), { members: ['get takes more or promises more than before', 'more is new'], refused: null });
  });

  for (const [what, before, after, told] of [
    [
      'an argument that became required',
      [Type.Object({})],
      [Type.Object({ to: Type.String() })],
      'argument 1 at /to is required and may be missing',
    ],
    ['an argument of another type', [Type.String()], [Type.Number()], 'argument 1 may be of type string where number is taken'],
    ['an argument with a tighter bound', [Type.String()], [Type.String({ maxLength: 5 })], 'argument 1 is not held to maxLength 5'],
    ['an argument more', [Type.String()], [Type.String(), Type.String()], 'takes 2 arguments, before 1'],
    [
      'an argument that lost a choice',
      [Type.Union([Type.Literal('a'), Type.Literal('b')])],
      [Type.Literal('a')],
      `argument 1 may be something else than 'a'`,
    ],
    [
      'an argument that refuses further keys',
      [Type.Object({ a: Type.String() })],
      [Type.Object({ a: Type.String() }, { additionalProperties: false })],
      'argument 1 may hold other keys, which are not taken',
    ],
  ] as const) {
    it(`refuse ${what}`, () => {
      const { members, refused } = step(
        rates('1.0.0', { get: method([...before], Type.Number()) as never }),
        rates('1.1.0', { get: method([...after], Type.Number()) as never }),
      );
      assert.deepEqual(members, [`!get ${told}`]);
      assert.notEqual(refused, null);
    });
  }

  it('refuse results that callers do not expect', () => {
    const before = rates('1.0.0', { get: method([], Type.Object({ rate: Type.Number() })) });
    const optional = rates('1.1.0', { get: method([], Type.Object({ rate: Type.Optional(Type.Number()) })) });
    assert.deepEqual(step(before, optional).members, ['!get its result at /rate is required and may be missing']);
    const nullable = rates('1.1.0', { get: method([], Type.Object({ rate: Type.Union([Type.Number(), Type.Null()]) })) });
    assert.deepEqual(step(before, nullable).members, ['!get its result at /rate may be of type null where number is taken']);
  });

  it('refuse a method that became synchronous', () => {
    const after = rates('1.1.0', { get: syncMethod([Type.String()], Type.Number()) });
    assert.deepEqual(step(rates('1.0.0', { get: Get }), after).members, ['!get became synchronous']);
  });

  it('see the methods and properties of local contracts', () => {
    type Local = { open(): void; close(): void; dialect: string };
    const before = localContract<Local>('test.Rates', '1.0.0', ['open', 'close'], ['dialect']) as Contract;
    const after = localContract<Local>('test.Rates', '1.0.0', ['open']) as Contract;
    assert.deepEqual(step(before, after).members, ['!close is removed', '!dialect is removed']);
  });

  it('tell of new and of dropped contracts', () => {
    const other = contract('test.Other', '1.0.0', { get: Get }) as Contract;
    assert.deepEqual(contractChanges(manifestOf(rates('1.0.0', { get: Get })), manifestOf(other)), [
      { bundle: 'test.rates', contract: 'test.Other', from: null, to: '1.0.0', members: [] },
      { bundle: 'test.rates', contract: 'test.Rates', from: '1.0.0', to: null, members: [] },
    ]);
  });
});

describe('schema gaps', () => {
  const record = (value: ReturnType<typeof Type.Number>) => Type.Record(Type.String(), value);
  for (const [name, accepting, offered, gap] of [
    ['integers where numbers are taken', Type.Number(), Type.Integer(), null],
    ['numbers where integers are taken', Type.Integer(), Type.Number(), `may be of type number where integer is taken`],
    ['anything where anything is taken', Type.Unknown(), Type.Any(), null],
    ['a choice out of an enumeration', { enum: ['a', 'b'] }, { const: 'b' }, null],
    ['a value outside of an enumeration', { enum: ['a', 'b'] }, { enum: ['b', 'c'] }, `may be 'c', which is not taken`],
    ['a literal within bounds', Type.Number({ minimum: 1 }), Type.Literal(1), null],
    ['a literal out of bounds', Type.Number({ minimum: 1 }), Type.Literal(0), 'may be 0, which is not taken'],
    ['a literal that breaks a pattern', Type.String({ pattern: '^a' }), Type.Literal('b'), `may be 'b', which is not taken`],
    ['lists of what is taken', Type.Array(Type.Number()), Type.Array(Type.Integer(), { minItems: 1 }), null],
    ['lists of something else', Type.Array(Type.Number()), Type.Array(Type.String()), '/* may be of type string where number is taken'],
    ['tuples of another length', Type.Tuple([Type.String()]), Type.Tuple([Type.String(), Type.String()]), 'is not held to maxItems 1'],
    ['records of something else', record(Type.Number({ minimum: 1 })), record(Type.Number()), '/* is not held to minimum 1'],
    ['intersections of which one part fits', Type.String(), { allOf: [{ type: 'string' }, { minLength: 2 }] }, null],
    ['what cannot be compared', { not: { type: 'string' } }, { type: 'number' }, `uses 'not', which cannot be compared`],
  ] as const) {
    it(`judge ${name}`, () => {
      const found = schemaGap(accepting, offered);
      assert.equal(found === null ? null : `${found.at} ${found.why}`.trim(), gap);
    });
  }

  it('end at schemas that are nested without end', () => {
    let deep: unknown = { type: 'string' };
    let other: unknown = { type: 'number' };
    for (let depth = 0; depth < 100; depth += 1)
      [deep, other] = [
        { type: 'array', items: deep },
        { type: 'array', items: other },
      ];
    assert.match(schemaGap(deep, other)?.why ?? '', /nested too deeply/);
  });
});
