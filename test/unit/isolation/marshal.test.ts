/** Values on their way between tiers: what crosses, what is refused, and where it stands. */
import { strict as assert } from 'node:assert';
import { PassThrough } from 'node:stream';
import { codeOf, SluiceError } from '@sluice/sdk';
import { dataOf, membersOf, pack, packError, unpack, unpackError } from '@sluice/kernel/isolation/marshal';

const NOTHING = {
  fn: () => assert.fail('no function was sent'),
  signal: () => assert.fail('no signal was sent'),
  stream: () => assert.fail('no stream was sent'),
};

/** As a link carries it. */
function sent(value: unknown): unknown {
  return unpack(structuredClone(pack(value, { what: 'a value' })), NOTHING);
}

describe('values between tiers', () => {
  it('come as they went', () => {
    const values = [
      1,
      -0,
      'x',
      null,
      undefined,
      10n ** 30n,
      [1, [2]],
      { a: { b: [undefined] } },
      new Map([[{ k: 1 }, new Set(['v'])]]),
      new Date(5),
      /x/g,
      new Uint8Array([1]),
      Object.create(null),
    ];
    for (const value of values)
      assert.deepEqual(sent(value), value instanceof Object || value === null || typeof value !== 'object' ? value : {});
    assert.ok(Object.is(sent(-0), -0));
  });

  it('may look like a mark of ours', () => {
    for (const kind of ['fn', 'signal', 'stream', 'error', 'object', undefined]) {
      assert.deepEqual(sent({ in: [{ $sluice: kind, value: 3 }] }), { in: [{ $sluice: kind, value: 3 }] });
    }
  });

  it('without marks are not walked again', () => {
    assert.equal(pack({ a: [1, { b: 2n }] }, { what: 'a value' }).marked, false);
    assert.equal(pack({ a: new Error('x') }, { what: 'a value' }).marked, true);
  });

  it('are refused with the place when they are no data', () => {
    class Account {
      readonly id = 1;
    }
    const refused: readonly (readonly [unknown, string, RegExp])[] = [
      [{ a: [() => 1] }, '/a/0', /a function/],
      [{ a: new Account() }, '/a', /class 'Account'/],
      [Symbol('x'), '', /a symbol/],
      [new Map([['k', new AbortController().signal]]), '/k', /AbortSignal/],
      [{ s: new PassThrough() }, '/s', /a stream/],
    ];
    for (const [value, path, found] of refused) {
      assert.throws(
        () => pack(value, { what: "argument 0 of 'x.Y.z'" }),
        (error: SluiceError) => codeOf(error) === 'ISOLATION_VALUE_REFUSED' && error.details['path'] === path && found.test(error.message),
      );
    }
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    assert.throws(() => pack(cycle, { what: 'a value' }), /deeper than 64/);
  });

  it('may hold functions where they are lent, called with their object', () => {
    const calls: unknown[] = [];
    const lent: ((...args: unknown[]) => unknown)[] = [];
    const counter = {
      count: 2,
      add(n: number) {
        return this.count + n;
      },
    };
    const parcel = structuredClone(pack({ list: [counter] }, { what: 'a value', fn: (call) => lent.push(call) - 1 }));
    const back = unpack(parcel, { ...NOTHING, fn: (id, path) => (calls.push(path), lent[id]) }) as {
      list: { count: number; add(n: number): number }[];
    };
    const add = back.list[0]?.add;
    assert.deepEqual([add?.(3), calls], [5, ['/list/0/add']]);
  });
});

describe('errors between tiers', () => {
  it('keep code, details, remedy and stack', () => {
    const error = new SluiceError('SOME_CODE', 'text', { details: { n: 1n }, remedy: 'do', retryable: true, httpStatus: 409 });
    const back = unpackError(structuredClone(packError(error))) as SluiceError;
    const { code, message, details, remedy, retryable, httpStatus, stack } = back;
    assert.deepEqual(
      { code, message, details, remedy, retryable, httpStatus, stack },
      { code: 'SOME_CODE', message: 'text', details: { n: 1n }, remedy: 'do', retryable: true, httpStatus: 409, stack: error.stack },
    );
  });

  it('of others keep name, text and stack; anything thrown becomes one', () => {
    const back = unpackError(structuredClone(packError(new RangeError('far'))));
    assert.deepEqual([back.name, back.message, codeOf(back)], ['RangeError', 'far', 'UNEXPECTED']);
    assert.equal(unpackError(packError('just text')).message, 'just text');
  });

  it('leave out details that cannot cross', () => {
    const error = new SluiceError('C', 'm', { details: { ok: 1, fn: () => 1 } });
    assert.doesNotThrow(() => structuredClone(packError(error)));
    assert.deepEqual(dataOf({ ok: 1, map: new Map() }), { ok: 1, map: new Map() });
  });
});

describe('members of a service', () => {
  it('are its own and its class’s, bound', () => {
    class Check {
      readonly name = 'check';
      #runs = 0;
      check(): number {
        return (this.#runs += 1);
      }
      get label(): string {
        return `${this.name}!`;
      }
    }
    const members = membersOf(new Check()) as { name: string; label: string; check(): number; constructor?: unknown };
    const { check } = members;
    assert.deepEqual(
      [members.name, members.label, check(), check(), Object.hasOwn(members, 'constructor')],
      ['check', 'check!', 1, 2, false],
    );
  });
});
