/** The manifest's own schema checker against ajv: both accept and refuse the same sections. */
import assert from 'node:assert/strict';
import Ajv from 'ajv';
import fc from 'fast-check';
import { ManifestSchema } from '@sluice/sdk';
import { checkSchema, type SchemaNode } from '@sluice/kernel/model/manifest-schema';
import { MistakeList } from '@sluice/kernel/model/mistake';
import { packageJson } from '../../unit/model/manifests.js';
import { parseManifest } from '@sluice/kernel/model/index';

const word = fc.constantFrom('a', 'a.b', 'A.B', '1', '', '^1.0.0', 'system', 'eager', 'worker', '/api', 'x'.repeat(150), 'startLevel');
const scalar = fc.oneof(word, fc.constantFrom(0, 1, 50, 100, 101, 1.5, -1, true, false, null));
const attributes = fc.oneof(fc.dictionary(word, fc.oneof(scalar, fc.array(scalar, { maxLength: 2 }))), scalar);
const entry = fc.record(
  {
    namespace: scalar,
    contract: scalar,
    version: scalar,
    range: scalar,
    filter: scalar,
    optional: scalar,
    multiple: scalar,
    attributes,
    methods: attributes,
  },
  { requiredKeys: [] },
);
const list = fc.oneof(fc.array(fc.oneof(entry, scalar), { maxLength: 3 }), scalar);
const texts = fc.oneof(fc.array(scalar, { maxLength: 2 }), scalar);
const section = fc.record(
  {
    sdk: scalar,
    symbolicName: scalar,
    family: scalar,
    main: scalar,
    capabilities: list,
    requirements: list,
    provides: list,
    requires: list,
    exports: attributes,
    imports: fc.oneof(fc.dictionary(word, fc.oneof(scalar, entry)), scalar),
    singleton: scalar,
    startLevel: scalar,
    activation: scalar,
    isolation: scalar,
    http: fc.oneof(fc.record({ mount: scalar, more: scalar }, { requiredKeys: [] }), scalar),
    config: fc.oneof(fc.record({ schema: attributes, defaults: attributes }, { requiredKeys: [] }), scalar),
    permissions: fc.oneof(
      fc.record({ builtins: texts, hostPackages: texts, kernel: texts, network: texts, more: texts }, { requiredKeys: [] }),
      scalar,
    ),
    startTimeoutMs: scalar,
    drainTimeoutMs: scalar,
    stateVersion: scalar,
    unknown: scalar,
  },
  { requiredKeys: [] },
);

describe('model, for all manifests', () => {
  const validate = new Ajv({ allErrors: true, strict: false }).compile(ManifestSchema);

  it('the checker and ajv agree on every section', () => {
    fc.assert(
      fc.property(fc.oneof(section, fc.jsonValue()), (value) => {
        const mistakes = new MistakeList();
        checkSchema(ManifestSchema as SchemaNode, value, ['sluice'], mistakes);
        const found = mistakes.all.map(({ message }) => message);
        assert.equal(found.length === 0, validate(value), JSON.stringify({ value, found, errors: validate.errors }));
      }),
      { numRuns: 800 },
    );
  });

  it('one wrong value at a time is found at its place by both', () => {
    const place = fc.constantFrom(
      'startLevel',
      'family',
      'singleton',
      'exports',
      'provides',
      'http',
      'permissions',
      'main',
      'stateVersion',
    );
    fc.assert(
      fc.property(place, fc.jsonValue({ maxDepth: 2 }), (key, value) => {
        const valid = validate({ sdk: '^1.0.0', [key]: value });
        const mistakes = new MistakeList();
        checkSchema(ManifestSchema as SchemaNode, { sdk: '^1.0.0', [key]: value }, ['sluice'], mistakes);
        assert.equal(mistakes.all.length === 0, valid);
        for (const { path } of mistakes.all) assert.ok(path.startsWith(`sluice.${key}`), path);
      }),
      { numRuns: 800 },
    );
  });

  it('reading never throws and never changes what it reads', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          section.map((value) => packageJson(value)),
        ),
        (document) => {
          const before = JSON.stringify(document);
          const result = parseManifest(document);
          assert.equal(JSON.stringify(document), before);
          if (!result.ok)
            assert.ok(
              result.mistakes.length > 0 &&
                result.mistakes.every(({ code, path, message }) => code && path && message.includes(path === '$' ? 'package.json' : path)),
            );
        },
      ),
      { numRuns: 800 },
    );
  });
});
