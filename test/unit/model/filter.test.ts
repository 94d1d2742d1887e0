/** Filters: the meaning of each operator on each type of property, white space, escapes, and what indexes are told. */
import assert from 'node:assert/strict';
import { isSluiceError } from '@sluice/sdk';
import { escapeValue, indexKeysOf, normaliseProperties, parseFilter, Version } from '@sluice/kernel/model/index';

const PROPERTIES = {
  Name: 'Transfer Service',
  'service.id': 42,
  ratio: 1.5,
  enabled: true,
  big: 9007199254740993n,
  currencies: ['CNY', 'USD'],
  sizes: [1, 20, 300],
  tags: new Set(['fast', 'safe']),
  version: Version.parse('1.10.0'),
  versions: [Version.parse('1.0.0'), Version.parse('2.0.0.q')],
  empty: '',
  nothing: null,
  none: [],
  star: 'a*b',
  brackets: '(x)\\',
  umlaut: 'Zürich',
  nested: [['deep']],
  object: { a: 1 },
};

describe('model: filter', () => {
  const table: readonly [filter: string, matches: boolean, why: string][] = [
    ['(name=Transfer Service)', true, 'keys without regard to case'],
    ['(NAME=transfer service)', false, 'values with regard to case'],
    ['(name~=transferservice)', true, '~= ignores case and white space'],
    ['(name~= TRANSFER  service )', true, '~= ignores white space of the filter too'],
    ['(name~=transfer services)', false, '~= is not fuzzy'],
    ['(missing=x)', false, 'a missing property equals nothing'],
    ['(!(missing=x))', true, 'and its negation holds'],
    ['(missing>=0)', false, 'nor does it have an order'],
    ['(name=*)', true, 'presence'],
    ['(missing=*)', false, 'absence'],
    ['(nothing=*)', false, 'null is absent'],
    ['(empty=*)', true, 'an empty text is present'],
    ['(none=*)', true, 'so is an empty array'],
    ['(none=x)', false, 'whose elements equal nothing'],
    ['(empty=)', true, 'an empty value equals the empty text'],
    ['(name=)', false, 'and no other'],
    ['(name=Trans*)', true, 'substring at the begin'],
    ['(name=*Service)', true, 'substring at the end'],
    ['(name=*fer Ser*)', true, 'substring inside'],
    ['(name=T*f*S*e)', true, 'several substrings in order'],
    ['(name=T*S*f*)', false, 'order matters'],
    ['(name=Transfer*fer Service)', false, 'parts may not overlap'],
    ['(name=**)', true, 'several wildcards are one'],
    ['(service.id=4*)', false, 'a number has no substrings'],
    ['(service.id=42)', true, 'a number equals the same number'],
    ['(service.id= 42.0 )', true, 'however it is written'],
    ['(service.id=4.2e1)', true, 'also as a power'],
    ['(service.id=0x2a)', false, 'but not as hexadecimal'],
    ['(service.id=abc)', false, 'a text is no number'],
    ['(service.id>=9)', true, 'numbers compare as numbers'],
    ['(service.id<=41.9)', false, 'with fractions'],
    ['(service.id>=x)', false, 'and not with texts'],
    ['(service.id=)', false, 'an empty value is no number'],
    ['(ratio~=1.50)', true, '~= on numbers is ='],
    ['(ratio>=1.6)', false, 'greater'],
    ['(name>=Transfer)', true, 'texts compare as texts'],
    ['(name<=A)', false, 'in code unit order'],
    ['(enabled=TRUE)', true, 'booleans without regard to case'],
    ['(enabled=1)', false, 'and only by name'],
    ['(enabled>=true)', true, 'order on booleans is ='],
    ['(enabled<=false)', false, 'order on booleans is ='],
    ['(big=9007199254740993)', true, 'a bigint is compared exactly'],
    ['(big=9007199254740992)', false, 'a bigint is compared exactly'],
    ['(big>=9007199254740992.5)', true, 'also with a fraction'],
    ['(big<=1)', false, 'a bigint has an order'],
    ['(currencies=USD)', true, 'one element is enough'],
    ['(currencies=EUR)', false, 'but it takes one'],
    ['(&(currencies=USD)(currencies=CNY))', true, 'different elements for different terms'],
    ['(!(currencies=USD))', false, 'not: no element matches'],
    ['(currencies=C*)', true, 'substring in an element'],
    ['(sizes>=300)', true, 'order on an element'],
    ['(sizes>=301)', false, 'order on an element'],
    ['(tags=safe)', true, 'a set is multi-valued too'],
    ['(tags=slow)', false, 'a set is multi-valued too'],
    ['(nested=deep)', false, 'elements are not searched further'],
    ['(object=a)', false, 'an object equals nothing'],
    ['(object=*)', true, 'but is present'],
    ['(version>=1.9)', true, 'versions compare as versions'],
    ['(version>=1.10.0.q)', false, 'qualifiers come after'],
    ['(version>=1.10.0-rc)', true, 'pre-releases before'],
    ['(version=1.10)', true, 'equal however it is written'],
    ['(version=x)', false, 'a text is no version'],
    ['(versions<=1.0.0)', true, 'several versions'],
    ['(star=a\\*b)', true, 'an escaped star is a star'],
    ['(star=a\\2ab)', true, 'in hexadecimal as well'],
    ['(star=*\\2a*)', true, 'also between wildcards'],
    ['(star>=a*b)', true, 'a star after >= is a star'],
    ['(brackets=\\28x\\29\\5c)', true, 'parentheses and backslash in hexadecimal'],
    ['(brackets=\\(x\\)\\\\)', true, 'and in OSGi notation'],
    ['(umlaut=Z\\c3\\bcrich)', true, 'bytes of UTF-8'],
    ['(umlaut=Zürich)', true, 'or the letter itself'],
    ['(&(name=*)(enabled=true)(ratio<=2)(service.id=42))', true, 'AND of four'],
    ['(|(name=x)(enabled=false)(ratio<=2))', true, 'OR of three'],
    ['(|(name=x)(enabled=false))', false, 'OR of two'],
    ['(!(!(name=*)))', true, 'NOT of NOT'],
    [' ( & ( Name =Transfer Service) ( | (a=1) ( ! (b=2) ) ) ) ', true, 'white space outside of values'],
    ['(name= Transfer Service)', false, 'white space inside of values counts'],
    ['(__proto__=*)', false, 'nothing is inherited'],
    ['(constructor=*)', false, 'nothing is inherited'],
    ['(toString=*)', false, 'nothing is inherited'],
  ];
  for (const [filter, matches, why] of table) {
    it(`${filter} is ${matches}: ${why}`, () => assert.equal(parseFilter(filter).matches(PROPERTIES), matches));
  }

  it('gives the same answer for properties normalised beforehand', () => {
    const normalised = normaliseProperties(PROPERTIES);
    const answers = table.map(([filter]) => parseFilter(filter).matchesNormalised(normalised));
    assert.deepEqual(
      answers,
      table.map(([, matches]) => matches),
    );
  });

  it('writes canonical text that reads the same', () => {
    const filter = parseFilter(' ( & (Name= a\\*b*) (!(x ~=Y)) (|(v>=1) (w<=2) (z=*)) (u=p**q\\28) )');
    const text = '(&(name= a\\2ab*)(!(x~=Y))(|(v>=1)(w<=2)(z=*))(u=p*q\\28))';
    assert.deepEqual({ text: filter.toString(), again: parseFilter(filter.toString()).toString() }, { text, again: text });
  });

  it('escapes a text so that it stands for itself', () => {
    const value = 'a*(b)\\ \0';
    assert.equal(parseFilter(`(k=${escapeValue(value)})`).matches({ k: value }), true);
  });

  it('takes a key called __proto__ as any other', () => {
    const properties = JSON.parse('{"__proto__": "x"}') as Record<string, unknown>;
    assert.equal(parseFilter('(__proto__=x)').matches(properties), true);
  });
});

describe('model: normalised properties', () => {
  it('refuses keys that differ only in case', () => {
    assert.throws(
      () => normaliseProperties({ Colour: 1, colour: 2 }),
      (error) => isSluiceError(error) && error.code === 'SERVICE_PROPERTIES_INVALID' && error.details['key'] === 'colour',
    );
  });

  it('has lower-case keys and inherits nothing', () => {
    const normalised = normaliseProperties({ A: 1, bC: [2] });
    assert.deepEqual(
      { entries: Object.entries(normalised), inherited: 'toString' in normalised },
      {
        entries: [
          ['a', 1],
          ['bc', [2]],
        ],
        inherited: false,
      },
    );
  });
});

describe('model: equalities of a filter, for indexes', () => {
  const table: readonly [filter: string, equalities: unknown][] = [
    ['(Currency=CNY)', [{ key: 'currency', value: 'CNY', indexKeys: ['CNY'] }]],
    ['(n=3.0)', [{ key: 'n', value: '3.0', indexKeys: ['3.0', '3', '3.0.0'] }]],
    ['(b=TRUE)', [{ key: 'b', value: 'TRUE', indexKeys: ['TRUE', 'true'] }]],
    ['(v=1.2)', [{ key: 'v', value: '1.2', indexKeys: ['1.2', '1.2.0'] }]],
    [
      '(&(a=x)(!(b=y))(|(c=1)(d=2))(&(e=z)(f>=1))(g=p*))',
      [
        { key: 'a', value: 'x', indexKeys: ['x'] },
        { key: 'e', value: 'z', indexKeys: ['z'] },
      ],
    ],
    ['(|(a=x)(b=y))', []],
    ['(!(a=x))', []],
    ['(a=*)', []],
  ];
  for (const [filter, equalities] of table) {
    it(filter, () => assert.deepEqual(parseFilter(filter).equalities(), equalities));
  }

  it('files values under keys that the equalities name', () => {
    const keys = [indexKeysOf('x'), indexKeysOf(3), indexKeysOf(true), indexKeysOf(10n), indexKeysOf(Version.parse('1.2.0+b'))];
    assert.deepEqual(
      [...keys, indexKeysOf(['a', 'a', 2, {}]), indexKeysOf(new Set(['s'])), indexKeysOf(null), indexKeysOf({})],
      [['x'], ['3'], ['true'], ['10'], ['1.2.0'], ['a', '2'], ['s'], [], []],
    );
  });
});

describe('model: malformed filters', () => {
  const deep = `${'(!'.repeat(70)}(a=1)${')'.repeat(70)}`;
  const table: readonly [filter: string, position: number, found: string, expected: string][] = [
    ['', 0, 'the end', "'('"],
    ['   ', 3, 'the end', "'('"],
    ['a=1', 0, "'a'", "'('"],
    ['(a=1', 4, 'the end', "')'"],
    ['(a=1))', 5, "')'", 'the end of the filter'],
    ['(a=1)(b=2)', 5, "'('", 'the end of the filter'],
    ['(a=1) x', 6, "'x'", 'the end of the filter'],
    ['()', 1, "')'", 'the name of a property'],
    ['(=1)', 1, "'='", 'the name of a property'],
    ['( =1)', 2, "'='", 'the name of a property'],
    ['(a)', 2, "')'", "one of '=', '~=', '>=', '<='"],
    ['(a>1)', 2, "'>'", "one of '=', '~=', '>=', '<='"],
    ['(a<1)', 2, "'<'", "one of '=', '~=', '>=', '<='"],
    ['(a~1)', 2, "'~'", "one of '=', '~=', '>=', '<='"],
    ['(a', 2, 'the end', "one of '=', '~=', '>=', '<='"],
    ['(a:=1)', 3, "':='", "one of '=', '~=', '>=', '<='"],
    ['(a=(b))', 3, "'('", "a value, in which '(' is written \\28"],
    ['(&)', 2, "')'", "'('"],
    ['(|)', 2, "')'", "'('"],
    ['(!)', 2, "')'", "'('"],
    ['(!(a=1)(b=2))', 7, "'('", "')'"],
    ['(&(a=1)', 7, 'the end', "')'"],
    ['(&(a=1)b)', 7, "'b'", "')'"],
    ['(a=1\\', 5, 'the end', 'a character after the backslash'],
    ['(a=\\ff)', 3, "'\\ff'", 'escaped bytes that are UTF-8 (a backslash itself is written \\5c)'],
    ['(a=\\c3x)', 3, "'\\c3'", 'escaped bytes that are UTF-8 (a backslash itself is written \\5c)'],
    [deep, 128, "'('", 'at most 64 levels of nesting'],
    [`(a=${'x'.repeat(9_000)})`, 0, '9004 characters', 'at most 8192 characters'],
  ];
  for (const [filter, position, found, expected] of table) {
    it(`${JSON.stringify(filter.slice(0, 24))} at ${position}`, () => {
      assert.throws(
        () => parseFilter(filter),
        (error) => {
          assert.ok(isSluiceError(error));
          assert.deepEqual(
            { code: error.code, ...error.details },
            { code: 'FILTER_INVALID', filter: filter.length > 200 ? `${filter.slice(0, 200)}...` : filter, position, found, expected },
          );
          return true;
        },
      );
    });
  }

  it('names position, found and expected in the text', () => {
    assert.throws(() => parseFilter('(a>1)'), {
      message:
        "Cannot read the filter '(a>1)': found '>' at position 2, expected one of '=', '~=', '>=', '<='. Write a filter such as (&(currency=CNY)(!(test=true))).",
    });
  });
});
