/** Promises around the data folder: its lock, its layout, its pointer, and the platforms it works on. */
import { deepStrictEqual as equal, rejects, throws } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { checkFormat, FORMAT } from '@sluice/kernel/host/data-folder';
import { acquireLock } from '@sluice/kernel/host/lock';
import { readPointer, writePointer } from '@sluice/kernel/host/pointer';
import { checkPlatform, processStart } from '@sluice/kernel/host/process-identity';
import { temporaryFolders } from './temporary-folder.js';

const refusal =
  (code: string, details: Record<string, unknown> = {}) =>
  (error: { code?: string; details?: Record<string, unknown> }): boolean => {
    equal([error.code, ...Object.keys(details).map((key) => error.details?.[key])], [code, ...Object.values(details)]);
    return true;
  };

describe('lock of a data folder', () => {
  const newFolder = temporaryFolders();

  it('lets one in and names the holder to the next', async () => {
    const folder = await newFolder();
    const lock = await acquireLock(folder);
    await rejects(acquireLock(folder), refusal('DATA_FOLDER_LOCKED', { folder, pid: process.pid }));
    await lock.release();
    await lock.release();
    await (await acquireLock(folder)).release();
    equal(await readdir(`${folder}/lock`), []);
  });

  it('takes over from a process that is gone, and from one whose id was given to another', async () => {
    const folder = await newFolder();
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const pid = Number(child.pid);
    const lock = await acquireLock(folder);
    const [own] = (await readdir(`${folder}/lock`)).filter((name) => name.startsWith('held'));
    await lock.release();
    const stale = String(own).replace(`_${process.pid}_`, `_${pid}_`);
    await writeFile(`${folder}/lock/${stale}`, '');
    // The id is alive, but its start time is not the one in the name: a later process with the same id.
    await (await acquireLock(folder)).release();
    const living = stale.replace(`_${processStart(process.pid)}_`, `_${processStart(pid)}_`);
    await writeFile(`${folder}/lock/${living}`, '');
    await rejects(acquireLock(folder), refusal('DATA_FOLDER_LOCKED', { pid }));
    child.kill('SIGKILL');
    await once(child, 'exit');
    await (await acquireLock(folder)).release();
    equal(await readdir(`${folder}/lock`), []);
  });

  it('never judges the lock of another host', async () => {
    const folder = await newFolder();
    await (await acquireLock(folder)).release();
    await writeFile(`${folder}/lock/held_1_1_0_abc_elsewhere`, '');
    await rejects(acquireLock(folder), refusal('DATA_FOLDER_LOCKED', { pid: 1, host: 'elsewhere' }));
  });

  it('gives a stale lock to exactly one of many that come at once', async () => {
    const folder = await newFolder();
    const lock = await acquireLock(folder);
    const [own] = (await readdir(`${folder}/lock`)).filter((name) => name.startsWith('held'));
    await lock.release();
    await writeFile(`${folder}/lock/${String(own).replace(`_${process.pid}_`, '_999999_')}`, '');
    const results = await Promise.allSettled(Array.from({ length: 12 }, () => acquireLock(folder)));
    const won = results.filter((result) => result.status === 'fulfilled');
    equal(won.length, 1);
    for (const result of won) await result.value.release();
  });
});

describe('layout of a data folder', () => {
  const newFolder = temporaryFolders();

  it('is written into a new folder and accepted again', async () => {
    const folder = `${await newFolder()}/new/deep`;
    await checkFormat(folder);
    await checkFormat(folder);
    equal(await readFile(`${folder}/format`, 'utf8'), `${FORMAT}\n`);
  });

  it('is refused when it is newer, damaged, or has no upgrade', async () => {
    const folder = await newFolder();
    await writeFile(`${folder}/format`, `${FORMAT + 1}\n`);
    await rejects(checkFormat(folder), refusal('DATA_FOLDER_FORMAT', { found: String(FORMAT + 1), current: FORMAT }));
    await writeFile(`${folder}/format`, 'garbage');
    await rejects(checkFormat(folder), refusal('DATA_FOLDER_FORMAT', { found: "'garbage'" }));
    await writeFile(`${folder}/format`, '1');
    await rejects(checkFormat(folder, 3, {}), refusal('DATA_FOLDER_FORMAT', { found: '1', current: 3 }));
  });

  it('is upgraded step by step, and goes on where an upgrade was interrupted', async () => {
    const folder = await newFolder();
    await checkFormat(folder, 1);
    const done: number[] = [];
    let interrupted = true;
    const steps = {
      1: async () => void done.push(1),
      2: async () => {
        if (interrupted) throw new Error('power cut');
        done.push(2);
      },
    };
    await rejects(checkFormat(folder, 3, steps), /power cut/);
    interrupted = false;
    await checkFormat(folder, 3, steps);
    equal([done, await readFile(`${folder}/format`, 'utf8')], [[1, 2], '3\n']);
  });
});

describe('pointer', () => {
  const newFolder = temporaryFolders();

  it('is read as written, and as missing when it is damaged', async () => {
    const folder = await newFolder();
    equal(await readPointer(folder), null);
    await writePointer(folder, { generation: 41 });
    await writePointer(folder, { generation: 42 });
    equal(await readPointer(folder), { generation: 42 });
    const text = await readFile(`${folder}/pointer`, 'utf8');
    for (const damaged of ['', text.slice(0, -1), text.replace('42', '43'), 'x']) {
      await writeFile(`${folder}/pointer`, damaged);
      equal(await readPointer(folder), null);
    }
  });
});

describe('platform', () => {
  it('is refused by name where it cannot work', () => {
    throws(() => checkPlatform('win32'), refusal('PLATFORM_UNSUPPORTED', { platform: 'win32' }));
    checkPlatform('linux');
    checkPlatform('darwin');
  });
});
