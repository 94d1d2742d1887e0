/** Manifests: defaults, everything that can be said, and every kind of mistake with its place, all at once. */
import assert from 'node:assert/strict';
import { ManifestSchema } from '@sluice/sdk';
import { isEntryPath, manifestError, parseManifest, type Manifest, type Mistake } from '@sluice/kernel/model/index';
import { checkSchema } from '@sluice/kernel/model/manifest-schema';
import { MistakeList } from '@sluice/kernel/model/mistake';
import { packageJson } from './manifests.js';

/** The manifest of a package.json that must be accepted. */
function accepted(document: unknown): Manifest {
  const result = parseManifest(document);
  assert.ok(result.ok, result.ok ? '' : result.mistakes.map((mistake) => mistake.message).join('\n'));
  return result.manifest;
}

/** The mistakes of a package.json that must be refused. */
function mistakes(document: unknown): readonly Mistake[] {
  const result = parseManifest(document);
  assert.ok(!result.ok, 'it was accepted');
  return result.mistakes;
}

/** Plain data of a manifest: texts instead of versions, ranges and filters. */
function plain(manifest: Manifest): unknown {
  const { raw, ...rest } = manifest;
  assert.equal(typeof raw, 'object');
  return JSON.parse(JSON.stringify(rest));
}

describe('model: manifest', () => {
  it('fills in every default', () => {
    assert.deepEqual(plain(accepted(packageJson())), {
      packageName: '@bank/core-ledger',
      symbolicName: 'core-ledger',
      version: '1.2.3',
      versionText: '1.2.3',
      description: '',
      family: 'other',
      main: 'dist/bundle.cjs',
      sdkRange: '^1.0.0',
      singleton: true,
      fragment: null,
      fragmentAttachment: 'always',
      startLevel: 50,
      activation: 'eager',
      isolation: 'inline',
      mount: null,
      provides: [],
      requires: [],
      capabilities: [],
      requirements: [],
      exports: {},
      imports: {},
      config: null,
      permissions: { builtins: [], hostPackages: [], kernel: [], network: [] },
      startTimeoutMs: 10_000,
      stopTimeoutMs: 5_000,
      drainTimeoutMs: 30_000,
      stateVersion: null,
      stateReads: 1,
      migrations: [],
    });
  });

  it('reads everything that can be said', () => {
    const section = {
      sdk: '>=1.0.0 <3',
      symbolicName: 'core.ledger',
      family: 'system',
      main: 'lib/main.cjs',
      capabilities: [
        { namespace: 'bank.region', attributes: { region: 'eu', zones: ['a', 1], hot: true, weight: 2 } },
        { namespace: 'x', effective: 'active' },
      ],
      requirements: [
        { namespace: 'bank.region', filter: '(region=eu)', optional: true, multiple: true },
        { namespace: 'x', dynamic: true, effective: 'active' },
        { namespace: 'y' },
      ],
      fragmentAttachment: 'never',
      provides: [
        {
          contract: 'core.ledger.Balances',
          version: '1.2.0',
          attributes: { currency: ['CNY'] },
          methods: { get: { args: [] } },
          properties: ['unit'],
        },
        { contract: 'core.ledger.Postings', version: '2.0.0' },
      ],
      requires: [
        { contract: 'core.ids.Ids', range: '[1.2,2)', filter: '(fast=true)', optional: true },
        { contract: 'core.clock.Clock', range: '^1.0.0' },
      ],
      exports: { '@bank/money': 'dist/money.cjs' },
      imports: { '@bank/ids': '^1.0.0', '@bank/tax': { range: '^2.0.0', optional: true }, '@bank/fee': { range: '1.x' } },
      singleton: false,
      startLevel: 10,
      activation: 'lazy',
      isolation: 'worker',
      http: { mount: '/api/ledger' },
      config: { schema: { type: 'object', properties: { limit: { type: 'integer' } } }, defaults: { limit: 3 } },
      permissions: { builtins: ['node:crypto'], hostPackages: ['pg'], kernel: ['sluice.kernel.Entries'], network: ['db.example.com'] },
      startTimeoutMs: 1,
      stopTimeoutMs: 2,
      drainTimeoutMs: 0,
      stateVersion: 4,
      stateReads: 2,
      migrations: [{ name: '0001-accounts', phase: 'expand' }],
    };
    const document = packageJson(section, { version: '1.2.3-rc.1+b', description: 'Accounts.' });
    const manifest = accepted(document);
    assert.equal(manifest.raw, document);
    assert.deepEqual(plain(manifest), {
      packageName: '@bank/core-ledger',
      symbolicName: 'core.ledger',
      version: '1.2.3-rc.1+b',
      versionText: '1.2.3-rc.1+b',
      description: 'Accounts.',
      family: 'system',
      main: 'lib/main.cjs',
      sdkRange: '>=1.0.0 <3',
      singleton: false,
      fragment: null,
      fragmentAttachment: 'never',
      startLevel: 10,
      activation: 'lazy',
      isolation: 'worker',
      mount: '/api/ledger',
      provides: [
        {
          contract: 'core.ledger.Balances',
          version: '1.2.0',
          attributes: { currency: ['CNY'] },
          methods: { get: { args: [] } },
          properties: ['unit'],
        },
        { contract: 'core.ledger.Postings', version: '2.0.0', attributes: {}, methods: null, properties: [] },
      ],
      requires: [
        { contract: 'core.ids.Ids', range: '[1.2,2)', filter: '(fast=true)', optional: true },
        { contract: 'core.clock.Clock', range: '^1.0.0', optional: false },
      ],
      capabilities: [
        { namespace: 'bank.region', attributes: { region: 'eu', zones: ['a', 1], hot: true, weight: 2 }, effective: 'resolve' },
        { namespace: 'x', attributes: {}, effective: 'active' },
      ],
      requirements: [
        { namespace: 'bank.region', filter: '(region=eu)', optional: true, multiple: true, dynamic: false, effective: 'resolve' },
        { namespace: 'x', optional: true, multiple: false, dynamic: true, effective: 'active' },
        { namespace: 'y', optional: false, multiple: false, dynamic: false, effective: 'resolve' },
      ],
      exports: { '@bank/money': 'dist/money.cjs' },
      imports: {
        '@bank/ids': { range: '^1.0.0', optional: false },
        '@bank/tax': { range: '^2.0.0', optional: true },
        '@bank/fee': { range: '1.x', optional: false },
      },
      config: { schema: { type: 'object', properties: { limit: { type: 'integer' } } }, defaults: { limit: 3 } },
      permissions: { builtins: ['node:crypto'], hostPackages: ['pg'], kernel: ['sluice.kernel.Entries'], network: ['db.example.com'] },
      startTimeoutMs: 1,
      stopTimeoutMs: 2,
      drainTimeoutMs: 0,
      stateVersion: 4,
      stateReads: 2,
      migrations: [{ name: '0001-accounts', phase: 'expand' }],
    });
  });

  it('reads a fragment: its host, the range of versions, and the configuration it brings', () => {
    const fragmentOf = (fragment: object) => plain(accepted(packageJson({ fragment }))) as { fragment: unknown };
    assert.deepEqual(
      [fragmentOf({ host: 'core.ledger', range: '[1.2,2)', config: { limit: 3 } }), fragmentOf({ host: 'x' })].map(
        ({ fragment }) => fragment,
      ),
      [
        { host: 'core.ledger', range: '[1.2,2)', config: { limit: 3 } },
        { host: 'x', range: '*', config: {} },
      ],
    );
  });

  it('takes the symbolic name from the package name without its scope', () => {
    const names = ['@bank/channel-sms', 'ledger'].map((name) => accepted(packageJson({}, { name })).symbolicName);
    assert.deepEqual(names, ['channel-sms', 'ledger']);
  });

  const refused: readonly [what: string, document: unknown, found: readonly (readonly [code: string, path: string])[]][] = [
    ['no object', null, [['MANIFEST_TYPE', '$']]],
    ['an array', [], [['MANIFEST_TYPE', '$']]],
    ['a text', 'x', [['MANIFEST_TYPE', '$']]],
    [
      'an empty object',
      {},
      [
        ['MANIFEST_KEY_MISSING', 'sluice'],
        ['MANIFEST_NAME', 'name'],
        ['MANIFEST_VERSION', 'version'],
      ],
    ],
    ['a section that is no object', { ...packageJson(), sluice: [] }, [['MANIFEST_TYPE', 'sluice']]],
    ['no SDK range', packageJson({ sdk: undefined }), [['MANIFEST_TYPE', 'sluice.sdk']]],
    ['a missing SDK range', { ...packageJson(), sluice: {} }, [['MANIFEST_KEY_MISSING', 'sluice.sdk']]],
    ['a bad package name', packageJson({}, { name: 'Ledger' }), [['MANIFEST_NAME', 'name']]],
    ['a name that leads out', packageJson({}, { name: '../x' }), [['MANIFEST_NAME', 'name']]],
    ['a package name that is no symbolic name', packageJson({}, { name: '@bank/1st' }), [['MANIFEST_NAME', 'name']]],
    ['the name of the kernel', packageJson({ symbolicName: 'kernel' }), [['MANIFEST_NAME', 'sluice.symbolicName']]],
    ['the package name of the kernel', packageJson({}, { name: 'kernel' }), [['MANIFEST_NAME', 'name']]],
    ['a short version', packageJson({}, { version: '1.2' }), [['MANIFEST_VERSION', 'version']]],
    ['a version that is a number', packageJson({}, { version: 1 }), [['MANIFEST_VERSION', 'version']]],
    ['a bad SDK range', packageJson({ sdk: 'latest' }), [['MANIFEST_RANGE', 'sluice.sdk']]],
    ['an empty range, once', packageJson({ imports: { a: '' } }), [['MANIFEST_VALUE', 'sluice.imports.a']]],
    [
      'a bad range of an import',
      packageJson({ imports: { '@a/b': { range: '[1' } } }),
      [['MANIFEST_RANGE', 'sluice.imports["@a/b"].range']],
    ],
    ['an import that is a number', packageJson({ imports: { a: 1 } }), [['MANIFEST_TYPE', 'sluice.imports.a']]],
    ['an import of the SDK', packageJson({ imports: { '@sluice/sdk': '^1' } }), [['MANIFEST_RULE', 'sluice.imports["@sluice/sdk"]']]],
    ['an import with a bad name', packageJson({ imports: { 'A B': '^1' } }), [['MANIFEST_NAME', 'sluice.imports["A B"]']]],
    [
      'a bad filter',
      packageJson({ requirements: [{ namespace: 'x', filter: '(a' }] }),
      [['MANIFEST_FILTER', 'sluice.requirements[0].filter']],
    ],
    [
      'mistakes in a required contract',
      packageJson({
        requires: [
          { contract: 'a.B', range: '^1.0.0' },
          { contract: '1', range: 'y', filter: 'y', optional: 1 },
        ],
      }),
      [
        ['MANIFEST_VALUE', 'sluice.requires[1].contract'],
        ['MANIFEST_TYPE', 'sluice.requires[1].optional'],
        ['MANIFEST_RANGE', 'sluice.requires[1].range'],
        ['MANIFEST_FILTER', 'sluice.requires[1].filter'],
      ],
    ],
    [
      'mistakes in a provided contract',
      packageJson({ provides: [{ contract: 'a.B', version: '1', attributes: { Version: 'x', a: 1, A: 2, o: {} } }] }),
      [
        ['MANIFEST_TYPE', 'sluice.provides[0].attributes.o'],
        ['MANIFEST_VERSION', 'sluice.provides[0].version'],
        ['MANIFEST_RULE', 'sluice.provides[0].attributes.Version'],
        ['MANIFEST_RULE', 'sluice.provides[0].attributes.A'],
      ],
    ],
    [
      'a capability in a namespace of the kernel',
      packageJson({ capabilities: [{ namespace: 'sluice.contract' }] }),
      [['MANIFEST_RULE', 'sluice.capabilities[0].namespace']],
    ],
    ['a fragment of nobody', packageJson({ fragment: {} }), [['MANIFEST_KEY_MISSING', 'sluice.fragment.host']]],
    [
      'what only code can mean, in a fragment',
      packageJson({ fragment: { host: 'x', range: '[1' }, main: 'a.cjs', provides: [], permissions: {}, http: { mount: '/a' } }),
      [
        ['MANIFEST_RULE', 'sluice.main'],
        ['MANIFEST_RULE', 'sluice.provides'],
        ['MANIFEST_RULE', 'sluice.http'],
        ['MANIFEST_RULE', 'sluice.permissions'],
        ['MANIFEST_RANGE', 'sluice.fragment.range'],
      ],
    ],
    [
      'a time of effect that is no word',
      packageJson({ requirements: [{ namespace: 'x', effective: 'Now!' }] }),
      [['MANIFEST_VALUE', 'sluice.requirements[0].effective']],
    ],
    ['a main entry that leads out', packageJson({ main: '../x.cjs' }), [['MANIFEST_PATH', 'sluice.main']]],
    ['an export that leads out', packageJson({ exports: { a: '/etc/passwd' } }), [['MANIFEST_PATH', 'sluice.exports.a']]],
    ['a bad mount', packageJson({ http: { mount: 'api' } }), [['MANIFEST_VALUE', 'sluice.http.mount']]],
    ['a mount that leads out', packageJson({ http: { mount: '/a//b' } }), [['MANIFEST_VALUE', 'sluice.http.mount']]],
    [
      'a configuration that is no set of values',
      packageJson({ config: { schema: { type: 'array' } } }),
      [['MANIFEST_RULE', 'sluice.config.schema.type']],
    ],
    ['a configuration without schema', packageJson({ config: { defaults: {} } }), [['MANIFEST_KEY_MISSING', 'sluice.config.schema']]],
    [
      'host packages outside the system family',
      packageJson({ permissions: { hostPackages: ['pg'], kernel: ['x'] } }),
      [
        ['MANIFEST_RULE', 'sluice.permissions.hostPackages'],
        ['MANIFEST_RULE', 'sluice.permissions.kernel'],
      ],
    ],
    ['a start level out of range', packageJson({ startLevel: 101 }), [['MANIFEST_VALUE', 'sluice.startLevel']]],
    ['a start level that is a fraction', packageJson({ startLevel: 1.5 }), [['MANIFEST_TYPE', 'sluice.startLevel']]],
    ['a time limit of nothing', packageJson({ stopTimeoutMs: 0 }), [['MANIFEST_VALUE', 'sluice.stopTimeoutMs']]],
    ['an unknown family', packageJson({ family: 'kernel' }), [['MANIFEST_VALUE', 'sluice.family']]],
    ['an unknown key', packageJson({ startlevel: 3 }), [['MANIFEST_KEY_UNKNOWN', 'sluice.startlevel']]],
    ['an unknown key deep inside', packageJson({ permissions: { net: [] } }), [['MANIFEST_KEY_UNKNOWN', 'sluice.permissions.net']]],
    [
      'a prototype at the top',
      JSON.parse('{"name":"a","version":"1.0.0","__proto__":{},"sluice":{"sdk":"^1"}}'),
      [['MANIFEST_KEY_FORBIDDEN', '__proto__']],
    ],
    [
      'a prototype anywhere',
      JSON.parse('{"name":"a","version":"1.0.0","x":[{"__proto__":1}],"sluice":{"sdk":"^1"}}'),
      [['MANIFEST_KEY_FORBIDDEN', 'x[0].__proto__']],
    ],
    ['a constructor in the section', packageJson({ constructor: 1 }), [['MANIFEST_KEY_FORBIDDEN', 'sluice.constructor']]],
    [
      'a constructor deep in the section',
      packageJson({ config: { schema: { type: 'object', properties: { constructor: {}, prototype: {} } } } }),
      [
        ['MANIFEST_KEY_FORBIDDEN', 'sluice.config.schema.properties.constructor'],
        ['MANIFEST_KEY_FORBIDDEN', 'sluice.config.schema.properties.prototype'],
      ],
    ],
  ];
  for (const [what, document, found] of refused) {
    it(`refuses ${what}`, () => {
      assert.deepEqual(
        mistakes(document).map(({ code, path }) => [code, path]),
        found,
      );
    });
  }

  it('leaves other parts of package.json alone', () => {
    const top = { dependencies: { constructor: '1' }, scripts: { prototype: 'x' }, repository: 3, keywords: [1] };
    assert.equal(accepted(packageJson({}, top)).raw['repository'], 3);
  });

  it('says of each mistake what was found, what was expected and what was probably meant', () => {
    const [first, second, third] = mistakes(packageJson({ startlevel: 3, isolation: 'inlin', startLevel: '7' }));
    assert.deepEqual(
      [first, second, third],
      [
        {
          code: 'MANIFEST_KEY_UNKNOWN',
          path: 'sluice.startlevel',
          found: 'the unknown key "startlevel"',
          expected: 'a known key',
          nearest: 'startLevel',
          message:
            "Cannot use 'sluice.startlevel' of package.json: found the unknown key \"startlevel\", expected a known key. Did you mean 'startLevel'?",
        },
        {
          code: 'MANIFEST_VALUE',
          path: 'sluice.isolation',
          found: '"inlin"',
          expected: '"inline" or "worker" or "process"',
          nearest: 'inline',
          message:
            'Cannot use \'sluice.isolation\' of package.json: found "inlin", expected "inline" or "worker" or "process". Did you mean \'inline\'?',
        },
        {
          code: 'MANIFEST_TYPE',
          path: 'sluice.startLevel',
          found: '"7"',
          expected: 'an integer from 1 to 100',
          message: 'Cannot use \'sluice.startLevel\' of package.json: found "7", expected an integer from 1 to 100.',
        },
      ],
    );
  });

  it('lists at most a hundred mistakes', () => {
    const section = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`unknown${index}`, 1]));
    assert.equal(mistakes(packageJson(section)).length, 100);
  });

  it('refuses nesting and size beyond its limits without exhausting the stack', () => {
    let nested: unknown = 1;
    for (let depth = 0; depth < 100_000; depth++) nested = [nested];
    const wide = Array.from({ length: 100_001 }, () => 0);
    const found = [mistakes(packageJson({}, { nested })), mistakes(packageJson({}, { wide }))].map((list) =>
      list.map(({ code, expected }) => [code, expected]),
    );
    assert.deepEqual(found, [[['MANIFEST_LIMIT', 'at most 64 levels of nesting']], [['MANIFEST_LIMIT', 'at most 100000 values']]]);
  });

  it('shortens what it quotes', () => {
    const [mistake] = mistakes(packageJson({ isolation: 'x'.repeat(10_000) }));
    assert.ok(mistake !== undefined && mistake.message.length < 300);
  });

  it('makes one error of all mistakes', () => {
    const error = manifestError('a.tgz', mistakes(packageJson({ startLevel: 0, main: 'a/../b' })));
    assert.deepEqual(
      { code: error.code, paths: (error.details['mistakes'] as Mistake[]).map(({ path }) => path), status: error.httpStatus },
      {
        code: 'MANIFEST_INVALID',
        paths: ['sluice.startLevel', 'sluice.main'],
        status: 422,
      },
    );
    assert.match(error.message, /^Cannot accept the manifest of 'a\.tgz': found 2 mistakes\.\n {2}- Cannot use 'sluice\.startLevel'/);
  });
});

describe('model: entry paths', () => {
  const safe = ['a', 'dist/bundle.cjs', 'public/a b/ü.txt', '...', 'a.b/..c'];
  const unsafe = [
    '',
    '/a',
    'a/',
    'a//b',
    '.',
    './a',
    '..',
    '../a',
    'a/../b',
    'a/.',
    'C:/a',
    'a\\b',
    '..\\a',
    'a\0b',
    'a\nb',
    'x'.repeat(201),
  ];
  for (const path of safe) it(`accepts ${JSON.stringify(path)}`, () => assert.equal(isEntryPath(path), true));
  for (const path of unsafe) it(`refuses ${JSON.stringify(path.slice(0, 20))}`, () => assert.equal(isEntryPath(path), false));
});

describe('model: the schema of the manifest', () => {
  it('bounds lists', () => {
    const mistakes = new MistakeList();
    const schema = { type: 'array', maxItems: 2, items: { type: 'string' } };
    checkSchema(schema, ['a', 'b'], [], mistakes);
    assert.deepEqual(mistakes.all, []);
    checkSchema(schema, ['a', 'b', 'c'], ['list'], mistakes);
    assert.deepEqual(
      mistakes.all.map(({ code, path, found, expected }) => [code, path, found, expected]),
      [['MANIFEST_VALUE', 'list', '3 entries', 'at most 2']],
    );
  });

  it('uses only keywords that the checker understands', () => {
    const known = ['type', 'const', 'anyOf', 'properties', 'required', 'additionalProperties', 'patternProperties', 'items', 'pattern'];
    const limits = ['minLength', 'maxLength', 'maxItems', 'minimum', 'maximum', 'description', '$id', 'title'];
    const unknown = new Set<string>();
    const visit = (node: Record<string, unknown>): void => {
      for (const key of Object.keys(node)) if (![...known, ...limits].includes(key)) unknown.add(key);
      const { properties, patternProperties, items, anyOf } = node;
      const children = [
        ...Object.values(properties ?? {}),
        ...Object.values(patternProperties ?? {}),
        ...(Array.isArray(anyOf) ? anyOf : []),
      ];
      for (const child of [...children, ...(items === undefined ? [] : [items])]) visit(child as Record<string, unknown>);
      if (patternProperties !== undefined) assert.deepEqual(Object.keys(patternProperties as object), ['^(.*)$']);
    };
    visit(ManifestSchema as unknown as Record<string, unknown>);
    assert.deepEqual([...unknown], []);
  });
});
