/** Which artifacts of a folder a new data folder begins with. */
import { deepStrictEqual } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeArchive } from '@sluice/kernel/host/archive-writer';
import { readDistribution } from '@sluice/kernel/host/distribution';
import { temporaryFolders } from './temporary-folder.js';

describe('distribution', () => {
  const newFolder = temporaryFolders();

  function put(folder: string, file: string, symbolicName: string, version: string): void {
    const packageJson = { name: symbolicName, version, license: 'MIT', sluice: { sdk: '^1.0.0', symbolicName } };
    writeFileSync(join(folder, file), writeArchive({ 'package.json': JSON.stringify(packageJson), 'dist/bundle.cjs': '//' }));
  }

  it('is the newest version of each bundle, whatever the files are called', async () => {
    const folder = await newFolder();
    put(folder, 'a-1.9.0.tgz', 'a', '1.9.0');
    put(folder, 'a-1.10.0.tgz', 'a', '1.10.0');
    put(folder, 'a-1.10.0-dev.3.tgz', 'a', '1.10.0-dev.3');
    put(folder, 'copy.tgz', 'b', '1.0.0');
    put(folder, 'b.tgz', 'b', '1.0.0');
    put(folder, 'c-1.0.0.tgz', 'c', '1.0.0');
    writeFileSync(join(folder, 'broken.tgz'), 'no archive');
    writeFileSync(join(folder, 'notes.txt'), 'no artifact');
    const { newest, passedOver } = await readDistribution(folder);
    deepStrictEqual(
      { newest: newest.map(({ file }) => file), passedOver: passedOver.map(({ file, newer }) => `${file} < ${newer}`).sort() },
      {
        newest: ['a-1.10.0.tgz', 'b.tgz', 'broken.tgz', 'c-1.0.0.tgz'],
        passedOver: ['a-1.10.0-dev.3.tgz < a-1.10.0.tgz', 'a-1.9.0.tgz < a-1.10.0.tgz', 'copy.tgz < b.tgz'],
      },
    );
  });
});
