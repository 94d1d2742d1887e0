import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { preferredLanguage } from '@sluice/channel-api';
import { ORDER_STATES } from '@sluice/pipeline-api';
import { CHANNELS } from '../../../plugins/platform/message/domain/channels.js';
import { Dictionary, unfitTexts } from '../../../plugins/platform/message/domain/dictionary.js';
import { message } from '../../../plugins/platform/message/domain/entry.js';
import { ENTRIES } from '../../../plugins/platform/message/texts/all.js';

/** Source files of some plugin folders, without what is built. */
function sources(...folders: readonly string[]): readonly { readonly name: string; readonly text: string }[] {
  return folders.flatMap((folder) =>
    readdirSync(join('plugins', folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !/(^|\/)(dist|node_modules)\//.test(name))
      .map((name) => ({ name: join(folder, name), text: readFileSync(join('plugins', folder, name), 'utf8') })),
  );
}

/** Words of the same form that are no codes told to anybody: states have texts of their own, the others never leave the bank. */
const NO_CODES = new Set<string>([
  ...ORDER_STATES,
  // Raised inside the bank and caught there, or told to operators only.
  'BATCH_REFUSED',
  'CONFIG_INVALID',
  'CUSTOMER_NUMBER_INVALID',
  'DATA_UNIQUE',
  // Reasons in the verdict over the audit's chain.
  'ANCHOR_DIFFERS',
  'CUT_OFF',
]);

function codesIn(text: string): readonly string[] {
  return [...text.matchAll(/'([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)'/g)].map((match) => match[1] as string).filter((word) => !NO_CODES.has(word));
}

describe('message dictionary (NC10, IX4, IX-F8)', () => {
  const dictionary = new Dictionary(ENTRIES);

  it('IX4: every code that a bundle of the bank can answer has an entry', () => {
    const found = sources('api', 'core', 'platform', 'business', 'channel').flatMap(({ name, text }) =>
      codesIn(text)
        .filter((code) => !dictionary.has(code))
        .map((code) => `${name}: ${code}`),
    );
    assert.deepEqual(found, []);
    // The search itself finds a code that was planted.
    assert.deepEqual(codesIn(`return { code: 'ACCOUNT_ON_FIRE' };`), ['ACCOUNT_ON_FIRE']);
  });

  it('IX4: every state of an order has a text, and UNKNOWN is never told as failed', () => {
    for (const state of ORDER_STATES) assert.ok(dictionary.has(`STATE_${state}`), state);
    const of = (language: 'zh' | 'en'): string => dictionary.text({ code: 'STATE_UNKNOWN', channel: 'mobile', language, values: {} });
    assert.deepEqual([of('zh'), of('en')], ['正在处理，请勿重复提交。', 'Being processed; please do not order it again.']);
  });

  it('IX4: every entry has a Chinese and an English text for all 17 channels, in the length each allows', () => {
    assert.equal(Object.keys(CHANNELS).length, 17);
    assert.deepEqual(unfitTexts(ENTRIES), []);
    assert.deepEqual(unfitTexts([message('EMPTY', 'INFO', ['有', ' '])]).slice(0, 1), ['EMPTY personal-web en']);
    assert.deepEqual(unfitTexts([message('LONG', 'INFO', ['长'.repeat(71), 'short'], ['短', 'short'])]), ['LONG phone zh', 'LONG sms zh']);
    const codes = ENTRIES.map(({ code }) => code);
    assert.deepEqual(codes.length, new Set(codes).size, 'no code twice');
    for (const { code, full } of ENTRIES) assert.match(full.zh, /\p{Script=Han}/u, code);
  });

  it('IX4: one code reads the same on all channels, in the length each allows', () => {
    const request = { code: 'INSUFFICIENT_FUNDS', language: 'en', values: {} } as const;
    assert.deepEqual(
      ['mobile', 'sms', 'atm'].map((channel) => dictionary.text({ ...request, channel })),
      [
        'The account does not have enough money for this order.',
        'The account does not have enough money for this order.',
        'Not enough money',
      ],
    );
  });

  it('fills values in, cuts what is too long between whole characters, and never shows a place', () => {
    const text = (values: Record<string, string>): string =>
      dictionary.text({ code: 'AMOUNT_NOT_POSITIVE', channel: 'sms', language: 'zh', values });
    assert.equal(text({ found: '-5' }), '金额必须大于零，收到的是-5。');
    assert.equal(text({}), '金额必须大于零，收到的是-。');
    const cut = text({ found: '😀'.repeat(80) });
    assert.ok(cut.length <= 70 && cut.endsWith('😀…'), cut);
  });

  it('answers a code nobody knows with a general refusal that tells nothing of the inside', () => {
    assert.equal(dictionary.text({ code: 'constructor', channel: 'mobile', language: 'en', values: {} }), 'The request was refused.');
  });

  it('IX-F8: an officer changes single words; the others stay', () => {
    const edited = new Dictionary(ENTRIES, { LOGIN_REFUSED: { zh: '请核对登录名和密码。' } });
    const of = (language: 'zh' | 'en', channel: string): string => edited.text({ code: 'LOGIN_REFUSED', channel, language, values: {} });
    assert.deepEqual([of('zh', 'mobile'), of('zh', 'atm'), of('en', 'mobile')], [
      '请核对登录名和密码。',
      '请核对登录名和密码。',
      'Login name or password is wrong.',
    ]); // prettier-ignore
  });

  it('NC10, IX4: no channel and no business bundle holds a text for customers', () => {
    const forbidden = (text: string): readonly string[] =>
      [...text.matchAll(/'[^'\n]*\p{Script=Han}[^'\n]*'|\bmessage: '[^'\n]+'/gu)].map((match) => match[0]);
    assert.deepEqual(
      sources('business', 'channel').flatMap(({ name, text }) => forbidden(text).map((found) => `${name}: ${found}`)),
      [],
    );
    assert.deepEqual(forbidden(`{ message: 'Please try again' }, '余额不足'`), [`message: 'Please try again'`, `'余额不足'`]);
  });

  const headers: readonly (readonly [header: string | undefined, language: string])[] = [
    [undefined, 'en'],
    ['', 'en'],
    ['*', 'en'],
    ['zh-CN,zh;q=0.9,en;q=0.8', 'zh'],
    ['en-GB;q=0.5, zh;q=0.6', 'zh'],
    ['fr, zh;q=0.1', 'zh'],
    ['zh;q=0', 'en'],
    ['ZH-Hans', 'zh'],
    ['zh;q=7, nonsense;;;', 'en'],
    ['en, zh', 'en'],
  ];
  for (const [header, language] of headers) {
    it(`Accept-Language ${header ?? 'absent'}: ${language}`, () => assert.equal(preferredLanguage(header), language));
  }
});
