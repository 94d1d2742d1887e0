/** Backup and restore of a data folder, and archives that are none. */
import { deepStrictEqual, strictEqual } from 'node:assert';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { codeOf, type BackupSourceService } from '@sluice/sdk';
import { restoreBackup, writeBackup } from '@sluice/kernel/host/backup';
import { temporaryFolders } from './temporary-folder.js';

describe('backup', () => {
  const newFolder = temporaryFolders();
  const database: BackupSourceService = {
    name: 'db',
    backup: (folder) => Promise.resolve(writeFileSync(join(folder, 'bank.sqlite'), 'pages')),
  };
  const server: BackupSourceService = { name: 'db', backup: () => Promise.resolve({ elsewhere: 'Use pg_dump' }) };

  async function dataFolder(): Promise<string> {
    const folder = await newFolder();
    mkdirSync(join(folder, 'config'));
    writeFileSync(join(folder, 'journal.log'), 'decisions');
    writeFileSync(join(folder, 'config', 'system.http.json'), '{}');
    return folder;
  }

  it('holds the folder and what its sources add', async () => {
    const folder = await dataFolder();
    const target = join(await newFolder(), 'copy.tgz');
    const { elsewhere } = await writeBackup(folder, target, [database]);
    const restored = join(await newFolder(), 'restored');
    const result = await restoreBackup(target, restored);
    deepStrictEqual([elsewhere, result.elsewhere, result.files], [[], [], 3]);
    strictEqual(readFileSync(join(restored, 'db', 'bank.sqlite'), 'utf8'), 'pages');
  });

  it('goes on without a part that is copied elsewhere, and says so then and when it is restored', async () => {
    const target = join(await newFolder(), 'copy.tgz');
    const notes = [{ part: 'db', note: 'Use pg_dump' }];
    deepStrictEqual((await writeBackup(await dataFolder(), target, [server])).elsewhere, notes);
    const restored = join(await newFolder(), 'restored');
    const { files, elsewhere } = await restoreBackup(target, restored);
    deepStrictEqual([files, elsewhere, readdirSync(restored).sort()], [2, notes, ['config', 'journal.log', 'lock']]);
  });

  it('is refused by one code, and leaves nothing, when it is missing, cut off, altered or something else', async () => {
    const folder = await newFolder();
    const target = join(folder, 'copy.tgz');
    await writeBackup(await dataFolder(), target, [database]);
    const whole = readFileSync(target);
    const files: readonly (readonly [name: string, content: Uint8Array | null, code: string])[] = [
      ['missing', null, 'RESTORE_UNKNOWN'],
      ['text', Buffer.from('no archive at all'), 'RESTORE_DAMAGED'],
      ['empty', new Uint8Array(), 'RESTORE_DAMAGED'],
      ['cut', whole.subarray(0, whole.length >> 1), 'RESTORE_DAMAGED'],
      ['no-tar', gzipSync('x'.repeat(4_000)), 'RESTORE_DAMAGED'],
      ['altered', whole.map((byte, at) => (at === whole.length >> 1 ? byte ^ 1 : byte)), 'RESTORE_DAMAGED'],
    ];
    for (const [name, content, code] of files) {
      const archive = join(folder, `${name}.tgz`);
      if (content !== null) writeFileSync(archive, content);
      strictEqual(await restoreBackup(archive, join(folder, 'target')).then(() => 'restored', codeOf), code, name);
    }
    deepStrictEqual(
      readdirSync(folder).filter((name) => name.startsWith('target')),
      [],
    );
  });
});
