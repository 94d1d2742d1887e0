import { strict as assert } from 'node:assert';
import { contract, method, Type } from '@sluice/sdk';
import { writeArchive } from '@sluice/kernel/host/archive-writer';
import { TestRuntime } from '@sluice/kernel/testing';

const Say = contract('test.Say', '1.0.0', { say: method([], Type.String()) });

/** A library: exports a package, provides nothing else. Several majors may live side by side. */
function library(version: string): Buffer {
  return writeArchive({
    'package.json': JSON.stringify({
      name: '@test/words',
      version,
      sluice: { sdk: '^1.0.0', symbolicName: 'test.words', singleton: false, exports: { words: 'dist/words.cjs' } },
    }),
    'dist/bundle.cjs': `exports.default = require('@sluice/sdk').defineBundle({});`,
    'dist/words.cjs': `exports.greeting = () => 'hello of ${version}';`,
  });
}

/** A bundle that imports the library in a range. */
function importer(name: string, range: string): Buffer {
  return writeArchive({
    'package.json': JSON.stringify({
      name: `@test/${name}`,
      version: '1.0.0',
      sluice: {
        sdk: '^1.0.0',
        symbolicName: `test.${name}`,
        imports: { words: range },
        provides: [{ contract: 'test.Say', version: '1.0.0', attributes: {} }],
      },
    }),
    'dist/bundle.cjs': `const { contract, defineBundle, method, Type } = require('@sluice/sdk');
const words = require('words');
const Say = contract('test.Say', '1.0.0', { say: method([], Type.String()) });
exports.default = defineBundle({ provides: [Say], activate(context) { context.register(Say, { say: async () => words.greeting() }, { of: '${name}' }); } });`,
  });
}

describe('packages', () => {
  let runtime: TestRuntime;
  beforeEach(async () => {
    runtime = await TestRuntime.boot();
  });
  afterEach(() => runtime.stop());

  it('are wired by range, with two majors side by side', async () => {
    await runtime.deploy(library('1.0.0'), importer('old', '^1.0.0'));
    await runtime.deploy(library('2.0.0'), importer('new', '^2.0.0'));
    assert.equal(await runtime.service(Say, '(of=old)').say(), 'hello of 1.0.0');
    assert.equal(await runtime.service(Say, '(of=new)').say(), 'hello of 2.0.0');
    assert.deepEqual(
      runtime.kernel.bundles().flatMap(({ symbolicName, version }) => (symbolicName === 'test.words' ? [version] : [])),
      ['1.0.0', '2.0.0'],
    );
  });

  it('of a replaced bundle give their importers a new revision in the same switch', async () => {
    await runtime.deploy(library('1.0.0'), importer('old', '^1.0.0'));
    const outcome = await runtime.deploy(library('1.1.0'));
    assert.equal(await runtime.service(Say, '(of=old)').say(), 'hello of 1.1.0');
    assert.deepEqual(
      { changes: outcome.plan.changes, restarts: outcome.plan.restarts },
      { changes: [{ symbolicName: 'test.words', action: 'swap', from: '1.0.0', to: '1.1.0', tier: 'inline' }], restarts: ['test.old'] },
    );
  });

  it('that nobody exports are missing, with what there is', async () => {
    const outcome = await runtime.tryDeploy([importer('old', '^3.0.0')]);
    assert.equal(outcome.outcome, 'refused');
    assert.match(outcome.error?.message ?? '', /words/);
  });
});
