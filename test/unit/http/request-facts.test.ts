/** What is believed of a request, and what is not. */
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SluiceError } from '@sluice/sdk';
import { createSchemaChecker } from '@sluice/kernel/host/schema-check';
import { trustProxies } from '../../../plugins/system/http/domain/client-address.js';
import { nearestName } from '../../../plugins/system/http/domain/nearest.js';
import { problemDocument, problemOf } from '../../../plugins/system/http/domain/problem.js';
import { acceptRequestId, pathOf, queryOf, traceIdOf } from '../../../plugins/system/http/domain/request-facts.js';
import { DEFAULT_LIMITS, readSettings } from '../../../plugins/system/http/domain/settings.js';

describe('client address', () => {
  it('is the last one in the chain that no trusted proxy has', () => {
    const { addressOf } = trustProxies(['10.0.0.0/8', '2001:db8::/32', '127.0.0.1']);
    const cases: readonly (readonly [string, string | undefined, string])[] = [
      ['198.51.100.7', '1.1.1.1', '198.51.100.7'],
      ['10.1.2.3', undefined, '10.1.2.3'],
      ['10.1.2.3', '6.6.6.6, 203.0.113.9', '203.0.113.9'],
      ['::ffff:10.1.2.3', '203.0.113.9, 10.9.9.9', '203.0.113.9'],
      ['2001:db8::1', '2001:4860::8, 10.0.0.1', '2001:4860::8'],
      ['10.1.2.3', 'garbage, 10.0.0.2', '10.0.0.2'],
      ['10.1.2.3', '10.0.0.5, 10.0.0.6', '10.0.0.5'],
    ];
    for (const [peer, forwarded, expected] of cases) assert.equal(addressOf(peer, forwarded), expected, `${peer} ${forwarded ?? ''}`);
  });

  it('believes nobody unless told to, and says which network it cannot read', () => {
    assert.equal(trustProxies([]).addressOf('127.0.0.1', '1.1.1.1'), '127.0.0.1');
    assert.equal(trustProxies([]).isSecure(false, '127.0.0.1', 'https'), false);
    assert.equal(trustProxies(['127.0.0.1']).isSecure(false, '127.0.0.1', 'http, https'), true);
    for (const network of ['10.0.0.0/33', 'proxy.example', '10.0.0.0/x', '']) {
      assert.throws(() => trustProxies([network]), { code: 'CONFIG_INVALID' }, network);
    }
  });
});

describe('request facts', () => {
  it('take a request id only when it is safe to log and repeat', () => {
    assert.deepEqual(['order-1.a/b=', 'a b', 'a\nb', '', 'x'.repeat(129), undefined].map(acceptRequestId), [
      'order-1.a/b=',
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('read a W3C trace context and ignore what is none', () => {
    const id = '4bf92f3577b34da6a3ce929d0e0e4736';
    const valid = [`00-${id}-00f067aa0ba902b7-01`, `cc-${id}-00f067aa0ba902b7-01-future`];
    const invalid = [
      `00-${id}-00f067aa0ba902b7-01-more`,
      `ff-${id}-00f067aa0ba902b7-01`,
      `00-${id}-0000000000000000-01`,
      `00-${id.toUpperCase()}-00f067aa0ba902b7-01`,
      '',
    ];
    assert.deepEqual(valid.map(traceIdOf), [id, id]);
    assert.deepEqual(invalid.map(traceIdOf), [undefined, undefined, undefined, undefined, undefined]);
  });

  it('take a request target apart', () => {
    const cases: readonly (readonly [string, string | null, string])[] = [
      ['/a/b?c=1?d', '/a/b', 'c=1?d'],
      ['/a#x?y', '/a', 'y'],
      ['http://host:80/a?b', '/a', 'b'],
      ['https://host?b', '/', 'b'],
      ['*', '*', ''],
      ['host:443', null, ''],
      ['ftp://x/a', null, ''],
    ];
    for (const [target, path, query] of cases) assert.deepEqual([pathOf(target), queryOf(target)], [path, query], target);
  });

  it('guess names within a few slips, and no further', () => {
    const known = ['transfer', 'transfers', 'balance', 'note'];
    assert.deepEqual(
      ['tranfer', 'Transfers', 'noet', 'blance', 'xyz', '', 'x'.repeat(100)].map((name) => nearestName(name, known)),
      ['transfer', 'transfers', 'note', 'balance', undefined, undefined, undefined],
    );
  });
});

describe('problem documents', () => {
  it('show of an error only what was meant for clients', () => {
    const meant = new SluiceError('LIMIT', 'Too much', { httpStatus: 422, details: { limit: 1 }, remedy: 'Less.' });
    assert.deepEqual(problemOf(meant), {
      problem: { status: 422, code: 'LIMIT', detail: 'Too much', details: { limit: 1 }, remedy: 'Less.' },
      hidden: false,
    });
    assert.deepEqual(problemOf(new SluiceError('INTERNAL', 'secret', { details: { secret: 1 } })), {
      problem: { status: 500, code: 'INTERNAL' },
      hidden: true,
    });
    for (const thrown of [
      new Error('secret'),
      'text',
      null,
      undefined,
      Object.assign(new Error('x'), { status: 404 }),
      { status: 404, expose: false },
    ]) {
      assert.deepEqual(problemOf(thrown), { problem: { status: 500, code: 'UNEXPECTED' }, hidden: true });
    }
    assert.deepEqual(problemOf(Object.assign(new Error('gone'), { status: 410, expose: true })), {
      problem: { status: 410, code: 'HTTP_410', detail: 'gone' },
      hidden: false,
    });
  });

  it('have a title for any status', () => {
    assert.deepEqual(problemDocument({ status: 418, code: 'TEAPOT' }, 'r'), {
      type: 'urn:sluice:error:TEAPOT',
      title: 'Request refused',
      status: 418,
      code: 'TEAPOT',
      instance: 'urn:sluice:request:r',
    });
  });
});

describe('settings', () => {
  const manifest = JSON.parse(readFileSync(join(process.cwd(), 'plugins/system/http/package.json'), 'utf8')) as {
    sluice: { config: { schema: { properties: Record<string, { properties?: object }> }; defaults: Record<string, unknown> } };
  };
  const { schema, defaults } = manifest.sluice.config;

  it('of the manifest and of the code agree', () => {
    assert.deepEqual(Object.keys(schema.properties['limits']?.properties ?? {}), Object.keys(DEFAULT_LIMITS));
    assert.deepEqual(Object.keys(schema.properties), Object.keys(defaults));
    assert.deepEqual(createSchemaChecker()(schema, { ...defaults, limits: DEFAULT_LIMITS }), []);
    const { clients: _clients, ...fromManifest } = readSettings(defaults);
    const { clients: _others, ...fromCode } = readSettings({});
    assert.deepEqual(fromManifest, fromCode);
  });

  it('add transport security with TLS, and let an operator remove a header', () => {
    const { securityHeaders } = readSettings({
      tls: { certFile: 'c', keyFile: 'k' },
      securityHeaders: { 'X-Frame-Options': '', 'X-Own': '1' },
    });
    assert.deepEqual(securityHeaders, [
      ['x-content-type-options', 'nosniff'],
      ['referrer-policy', 'no-referrer'],
      ['strict-transport-security', 'max-age=31536000'],
      ['x-own', '1'],
    ]);
  });
});
