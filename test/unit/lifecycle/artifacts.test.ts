/** What an artifact that cannot be used is told. */
import { strict as assert } from 'node:assert';
import { isSluiceError } from '@sluice/sdk';
import { readArtifact } from '@sluice/kernel/lifecycle/artifacts';

describe('artifact', () => {
  it('with mistakes in its manifest is told each once, by the name it has', () => {
    const packageJson = {
      name: '@bank/hello',
      version: '1.0.0',
      license: 'MIT',
      sluice: { sdk: '^1.0.0', symbolicName: 'hello', startLevel: 0 },
    };
    try {
      readArtifact(new Uint8Array(), 'cafe', () => ({ packageJson, entries: new Map() }));
      assert.fail('it was accepted');
    } catch (error) {
      assert.ok(isSluiceError(error));
      assert.equal(error.code, 'MANIFEST_INVALID');
      assert.match(
        error.message,
        /^Cannot accept the manifest of '@bank\/hello 1\.0\.0': found one mistake\.\n {2}- Cannot use 'sluice\.startLevel'/,
      );
      assert.deepEqual([error.message.split('sluice.startLevel').length, error.message.includes(error.remedy ?? '')], [2, false]);
    }
  });
});
