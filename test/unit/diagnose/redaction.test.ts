/** Secrets taken out of texts and values: by form, by name, by schema, by known value; and what must stay readable. */
import { deepStrictEqual as equal } from 'node:assert';
import { hideInSchema, hideMarked, markedSecrets, Redactor } from '@sluice/kernel/model/index';

const plain = new Redactor();

describe('redaction', () => {
  describe('of a text by its form', () => {
    const table: readonly (readonly [text: string, safe: string])[] = [
      ['connect to postgres://bank:hunter2@db:5432/bank failed', 'connect to postgres://bank:***@db:5432/bank failed'],
      ['redis://:hunter2@cache/0', 'redis://:***@cache/0'],
      ['Authorization: Bearer abcdef.ghijkl', 'Authorization: ***'],
      ['sent Bearer abcdef.ghijkl', 'sent Bearer ***'],
      ['authorization=Basic dXNlcjpwYXNz', 'authorization=Basic ***'],
      ['Cookie: sid=abc; theme=dark\nnext', 'Cookie: ***\nnext'],
      ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln used', '*** used'],
      ['-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\nrest', '*** private key ***\nrest'],
      ['login failed: password=hunter2, user=lin', 'login failed: password=***, user=lin'],
      [`{"password":"hun\\"ter2","user":"lin"}`, '{"password":***,"user":"lin"}'],
      ['the pin is 4711 today', 'the pin is *** today'],
      ['GET /pay?api_key=k-123&x=1', 'GET /pay?api_key=***&x=1'],
      ['client_secret: s3cr3t', 'client_secret: ***'],
      ['card 4111 1111 1111 1111 refused', 'card 411111***1111 refused'],
      ['token slt_0123456789abcdefghijABCD', 'token ***'],
    ];
    for (const [text, safe] of table) it(JSON.stringify(text), () => equal(plain.text(text), safe));

    const kept = [
      'swapped 1.0.0 -> 1.1.0 by lin (0f8fad5b-d9cb-469f-a165-70867728950e)',
      'generation 12 is serving at http://127.0.0.1:8080/health',
      'order 20261125104207 of account 6222020200112233',
      'digest 7f83b1657ff1fc53b92dc18148a1d65dfc2d4b1fa3d677284addd200126d9069',
    ];
    for (const text of kept) it(`and leaves ${JSON.stringify(text)}`, () => equal(plain.text(text), text));
  });

  it('of values by the names of their keys, whatever the values are; references, flags and absences stay', () => {
    equal(
      plain.value({
        password: 'a',
        userPin: 1234,
        apiKey: ['a', 'b'],
        authToken: { $env: 'TOKEN' },
        tokens: { first: 'a', enabled: true },
        privateKey: null,
        spinning: 'stays',
        opinion: 'stays',
        list: [{ cvv2: '123', name: 'lin' }],
      }),
      {
        password: '***',
        userPin: '***',
        apiKey: '***',
        authToken: { $env: 'TOKEN' },
        tokens: { first: '***', enabled: true },
        privateKey: null,
        spinning: 'stays',
        opinion: 'stays',
        list: [{ cvv2: '***', name: 'lin' }],
      },
    );
  });

  it('of known values wherever they stand, also encoded, the longest first', () => {
    const redactor = new Redactor(['s3cr3t/x"y', 's3cr3t', 'short']);
    equal(redactor.text('a s3cr3t/x"y b s3cr3t c'), 'a *** b *** c');
    equal(redactor.text(JSON.stringify({ note: 's3cr3t/x"y' })), '{"note":"***"}');
    equal(redactor.text(`q=${encodeURIComponent('s3cr3t/x"y')}&b=${Buffer.from('s3cr3t').toString('base64')}`), 'q=***&b=***');
    equal(redactor.value({ 'about s3cr3t': 1n }), { 'about ***': '1' });
    // What is shorter than six letters would take half of the text with it.
    equal(redactor.text('a short text'), 'a short text');
  });

  const schema = {
    properties: {
      key: { type: 'string', 'x-secret': true, default: 'from-schema' },
      nested: { properties: { inner: { 'x-secret': true }, open: {} } },
      list: { items: { anyOf: [{ type: 'string' }, { properties: { word: { 'x-secret': true } } }] } },
    },
    additionalProperties: { properties: { hidden: { 'x-secret': true } } },
  };

  it('of configuration by its schema, at any depth', () => {
    const config = { key: 'k', nested: { inner: 7, open: 'o' }, list: ['a', { word: 'w' }], more: { hidden: 'h', open: 'p' } };
    equal(hideMarked(config, schema), {
      key: '***',
      nested: { inner: '***', open: 'o' },
      list: ['a', { word: '***' }],
      more: { hidden: '***', open: 'p' },
    });
    equal([...markedSecrets(config, schema)].sort(), ['7', 'h', 'k', 'w']);
    equal([...markedSecrets({ dbPassword: 'p', nested: { $env: 'X' } }, undefined)], ['p']);
    equal((hideInSchema(schema) as typeof schema).properties.key, { type: 'string', 'x-secret': true, default: '***' });
  });
});
