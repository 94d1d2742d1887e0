/** Promises of redaction: no secret and no card number leaves, everything else does, and size is bounded. */
import { deepStrictEqual as equal, ok } from 'node:assert';
import fc from 'fast-check';
import { maskCardNumbers, passesLuhn } from '../../../../plugins/system/log/domain/card-numbers.js';
import { isSecretName, redact, redactText } from '../../../../plugins/system/log/domain/redaction.js';

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('system.log redaction', () => {
  it('hides values by the name of their key, at any depth and in any spelling', () => {
    const fields = {
      password: 'p',
      userPassword: 'p',
      'Set-Cookie': 'c',
      Authorization: 'Bearer x',
      access_token: 't',
      clientSecret: 's',
      pin: '1234',
      newPin: '1234',
      PIN_BLOCK: 'AB',
      cvv: 123,
      nested: { list: [{ otp: '000111', amount: 5 }] },
      headers: new Map([['authorization', 'Basic y']]),
    };
    equal(plain(redact(fields)), {
      password: '***',
      userPassword: '***',
      'Set-Cookie': '***',
      Authorization: '***',
      access_token: '***',
      clientSecret: '***',
      pin: '***',
      newPin: '***',
      PIN_BLOCK: '***',
      cvv: '***',
      nested: { list: [{ otp: '***', amount: 5 }] },
      headers: { authorization: '***' },
    });
  });

  it('leaves harmless names that only contain the letters of one', () => {
    const harmless = ['shipping', 'spinning', 'pinned', 'opinion', 'cardinality', 'panel', 'company'];
    equal(harmless.filter(isSecretName), []);
    equal(plain(redact({ pan: 'not digits', cardinality: '1..n' })), { pan: 'not digits', cardinality: '1..n' });
  });

  it('masks card numbers in text, numbers and big integers, and keeps look-alikes', () => {
    equal(
      plain(
        redact({
          text: 'paid with 4111 1111 1111 1111 and 6222-0212-3456-7894 today',
          number: 4111111111111111,
          big: 4111111111111111n,
          time: 1764043200000,
          failsLuhn: '4111111111111112',
          hash: 'ab4111111111111111cd',
          cardNumber: '4111111111111112',
        }),
      ),
      {
        text: 'paid with 411111******1111 and 622202******7894 today',
        number: '411111******1111',
        big: '411111******1111',
        time: 1764043200000,
        failsLuhn: '4111111111111112',
        hash: 'ab4111111111111111cd',
        cardNumber: '411111******1112',
      },
    );
  });

  it('never lets a valid card number through, whatever stands around it', () => {
    const body = fc.stringMatching(/^[2-6][0-9]{11,17}$/);
    const around = fc.stringMatching(/^[ .,:;"'()=]{0,3}$/);
    fc.assert(
      fc.property(body, around, around, (digits, before, after) => {
        const check = '0123456789'.split('').find((digit) => passesLuhn(digits + digit)) as string;
        ok(!maskCardNumbers(`${before}${digits}${check}${after}`).includes(digits + check));
      }),
    );
  });

  it('writes errors with name, text, code, cause and own fields', () => {
    const cause = new RangeError('inner 4111111111111111');
    const error = Object.assign(new Error('outer', { cause }), { code: 'X', token: 'abc' });
    const copy = redact({ error }) as { error: Record<string, unknown> };
    const { stack, cause: innerCopy, ...rest } = copy.error;
    ok(String(stack).includes('redaction.test'));
    equal({ ...rest }, { name: 'Error', message: 'outer', code: 'X', token: '***' });
    equal((innerCopy as Record<string, unknown>)['message'], 'inner 411111******1111');
  });

  it('bounds length, depth and width, and survives cycles and throwing getters', () => {
    const cycle: Record<string, unknown> = { name: 'a' };
    cycle['self'] = cycle;
    const wide = Array.from({ length: 5_000 }, (_, index) => index);
    const hostile = Object.defineProperty({}, 'bad', {
      enumerable: true,
      get: () => {
        throw new Error('getter');
      },
    });
    const copy = redact({ cycle, wide, hostile, bytes: new Uint8Array(3), call: () => 1 });
    const text = JSON.stringify(copy);
    ok(text.length < 20_000, `${text.length} characters`);
    ok(text.includes('cut after 1000 values'));
    equal(plain(redact({ hostile })), { hostile: { bad: '[unreadable]' } });
    equal(redactText('x'.repeat(9_000)).length < 8_300, true);
  });

  it('turns what JSON cannot say into text', () => {
    equal(plain(redact({ big: 12n, none: null, nan: NaN, date: new Date(0), bytes: Buffer.from('abc'), set: new Set([1]) })), {
      big: '12',
      none: null,
      nan: 'NaN',
      date: '1970-01-01T00:00:00.000Z',
      bytes: '[3 bytes]',
      set: [1],
    });
  });
});
