/** Promises of the journal: one suite for both, then what only a disk can do wrong. */
import { deepStrictEqual as equal, rejects } from 'node:assert';
import { readFile, readdir, writeFile, appendFile } from 'node:fs/promises';
import { decodeJournal, encodeRecord } from '@sluice/kernel/host/journal-format';
import { MemoryJournal, openJournal as openUnowned, type FileJournal, type JournalOptions } from '@sluice/kernel/host/journal';
import type { Journal, JournalRecord } from '@sluice/kernel/host/ports';
import { EMPTY_VIEW, foldRecords } from '@sluice/kernel/host/journal-view';
import { changesOf, failAt, forgetfulDisk, heal } from '../../support/failing-disk.js';
import { temporaryFolders } from './temporary-folder.js';

const begin = (deployId: string): JournalRecord => ({
  type: 'begin',
  at: 1,
  deployId,
  kind: 'deploy',
  actor: 'test',
  baseGeneration: 0,
  changes: [{ symbolicName: 'a', bundleId: 1, from: null, to: { digest: 'd1', version: '1.0.0' }, autostart: true, startLevel: 50 }],
});
const commit = (deployId: string, generation: number): JournalRecord => ({ type: 'commit', at: 2, deployId, generation });
const done = (deployId: string): JournalRecord => ({ type: 'done', at: 3, deployId, outcome: 'confirmed' });
const code = (expected: string) => (error: { code?: string }) => error.code === expected;

describe('journal', () => {
  const newFolder = temporaryFolders();
  const opened: Journal[] = [];
  const openJournal = async (folder: string, options?: JournalOptions): Promise<FileJournal> => {
    const journal = await openUnowned(folder, options);
    opened.push(journal);
    return journal;
  };
  afterEach(async () => {
    for (const journal of opened.splice(0)) await journal.close();
  });
  const kinds: Record<string, () => Promise<{ first: Journal; again(): Promise<Journal> }>> = {
    'in memory': async () => {
      const first = new MemoryJournal();
      return { first, again: async () => new MemoryJournal(first.view) };
    },
    'in a folder': async () => {
      const folder = await newFolder();
      return { first: await openJournal(folder), again: () => openJournal(folder) };
    },
  };

  for (const [kind, make] of Object.entries(kinds)) {
    describe(kind, () => {
      it('is empty at first', async () => {
        const { first } = await make();
        equal([first.view, first.poisoned, first.repairs], [EMPTY_VIEW, false, []]);
        await first.close();
      });

      it('shows records once append returned, and still does after it was opened again', async () => {
        const { first, again } = await make();
        await first.append(begin('x'));
        await first.append([commit('x', 1), done('x')]);
        const expected = foldRecords([begin('x'), commit('x', 1), done('x')]);
        equal(first.view, expected);
        await first.close();
        const second = await again();
        equal([second.view, second.repairs], [expected, []]);
        await second.append([begin('y'), commit('y', 2)]);
        equal(second.view.state.generation, 2);
        await second.close();
      });

      it('keeps the order of appends that nobody waited for', async () => {
        const { first, again } = await make();
        await Promise.all([first.append(begin('x')), first.append(commit('x', 1)), first.append(begin('y')), first.append(commit('y', 2))]);
        equal(first.view.state.generation, 2);
        await first.close();
        equal((await again()).view.state.generation, 2);
      });

      it('says the same after it was compacted', async () => {
        const { first, again } = await make();
        await first.append([begin('x'), commit('x', 1), begin('open')]);
        const before = first.view;
        await first.compact(9);
        await first.append({ type: 'boot', at: 10 });
        await first.close();
        equal((await again()).view, { ...before, failedBoots: 1 });
      });

      it('refuses appends after close', async () => {
        const { first } = await make();
        await first.close();
        await rejects(first.append(begin('x')), code('JOURNAL_CLOSED'));
        await rejects(first.compact(1), code('JOURNAL_CLOSED'));
      });
    });
  }

  it('writes one JSON object per line', async () => {
    const folder = await newFolder();
    const journal = await openJournal(folder);
    await journal.append([begin('x'), commit('x', 1)]);
    await journal.close();
    const lines = (await readFile(`${folder}/journal.log`, 'utf8')).trimEnd().split('\n');
    equal(
      lines.map((line) => (JSON.parse(line) as { seq: number; record: JournalRecord }).record),
      [begin('x'), commit('x', 1)],
    );
  });

  it('shares one sync between appends that come together', async () => {
    const disk = forgetfulDisk();
    const journal = await openJournal('/data', { files: disk });
    const changes = changesOf(disk);
    await Promise.all([journal.append(begin('x')), journal.append(commit('x', 1)), journal.append(begin('y'))]);
    equal(changes, ['append', 'sync']);
  });

  it('rewrites itself as a snapshot when it has grown', async () => {
    const folder = await newFolder();
    const journal = await openJournal(folder, { compactAtBytes: 2_000 });
    for (let generation = 1; generation <= 100; generation += 1) {
      await journal.append([begin('x'), commit('x', generation), done('x')]);
    }
    const view = journal.view;
    await journal.close();
    const { records } = decodeJournal(await readFile(`${folder}/journal.log`));
    equal([records[0]?.type, records.length < 30], ['snapshot', true]);
    equal((await openJournal(folder)).view, view);
  });

  it('cuts an incomplete last record and puts it aside', async () => {
    const folder = await newFolder();
    const journal = await openJournal(folder);
    await journal.append([begin('x'), commit('x', 1)]);
    await journal.close();
    await appendFile(`${folder}/journal.log`, '{"crc":"12');
    const again = await openJournal(folder);
    equal(
      again.repairs.map(({ code: repair, details }) => ({ repair, details })),
      [{ repair: 'JOURNAL_TAIL_CUT', details: { file: 'journal.damaged-1', bytes: 10 } }],
    );
    equal(again.view.state.generation, 1);
    await again.append([begin('y'), commit('y', 2)]);
    await again.close();
    equal([(await openJournal(folder)).view.state.generation, await readFile(`${folder}/journal.damaged-1`, 'utf8')], [2, '{"crc":"12']);
  });

  it('stops at a damaged record in the middle and says so', async () => {
    const folder = await newFolder();
    const journal = await openJournal(folder);
    await journal.append([begin('x'), commit('x', 1), begin('y'), commit('y', 2)]);
    await journal.close();
    const bytes = await readFile(`${folder}/journal.log`);
    bytes[bytes.indexOf('"y"') + 1] = 0x7a;
    await writeFile(`${folder}/journal.log`, bytes);
    const again = await openJournal(folder);
    equal([again.repairs.map((repair) => repair.code), again.view.state.generation], [['JOURNAL_DAMAGED'], 1]);
  });

  it('keeps the newest five damaged tails', async () => {
    const folder = await newFolder();
    for (let round = 0; round < 8; round += 1) {
      await (await openJournal(folder)).close();
      await appendFile(`${folder}/journal.log`, 'torn');
    }
    await (await openJournal(folder)).close();
    equal(
      (await readdir(folder)).filter((name) => name.startsWith('journal.damaged')).sort(),
      [4, 5, 6, 7, 8].map((n) => `journal.damaged-${n}`),
    );
  });

  it('takes a gap in the numbers for damage', () => {
    const bytes = Buffer.concat([encodeRecord(begin('x'), 1), encodeRecord(commit('x', 1), 3)]);
    const decoded = decodeJournal(bytes);
    equal([decoded.tail, decoded.records.length, decoded.nextSequence], ['damaged', 1, 2]);
  });

  for (const [step, operation] of [
    ['write', 1],
    ['sync', 2],
  ] as const) {
    for (const faultCode of ['ENOSPC', 'EIO'] as const) {
      it(`is poisoned by ${faultCode} on ${step}: reports no success from then on, and a restart decides`, async () => {
        const disk = forgetfulDisk();
        const journal = await openJournal('/data', { files: disk });
        await journal.append([begin('x'), commit('x', 1)]);
        failAt(disk, operation, faultCode);
        await rejects(journal.append([begin('y'), commit('y', 2)]), (error: { code?: string; cause?: { code?: string } }) => {
          return error.code === 'JOURNAL_POISONED' && error.cause?.code === faultCode;
        });
        await rejects(journal.append(begin('z')), code('JOURNAL_POISONED'));
        await rejects(journal.compact(1), code('JOURNAL_POISONED'));
        equal([journal.poisoned, journal.view.state.generation], [true, 1]);
        const next = await openJournal('/data', { files: disk.afterCrash('power') });
        equal(next.view.state.generation, 1);
      });
    }
  }

  it('writes anew what it read, so that a success that was never synced becomes one', async () => {
    const disk = forgetfulDisk();
    const journal = await openJournal('/data', { files: disk });
    failAt(disk, 2, 'EIO');
    await rejects(journal.append([begin('y'), commit('y', 1)]), code('JOURNAL_POISONED'));
    heal(disk);
    // The same machine still reads the unsynced record, and decides by it; from then on it must not be forgotten.
    const second = await openJournal('/data', { files: disk });
    equal(second.view.state.generation, 1);
    const third = await openJournal('/data', { files: disk.afterCrash('power') });
    equal(third.view.state.generation, 1);
  });

  it('goes on with the old file when a rewrite cannot be written', async () => {
    const disk = forgetfulDisk();
    const journal = await openJournal('/data', { files: disk });
    await journal.append([begin('x'), commit('x', 1)]);
    for (const operation of [1, 2, 3]) {
      failAt(disk, operation, 'ENOSPC');
      await rejects(journal.compact(1), code('ENOSPC'));
    }
    heal(disk);
    await journal.append([begin('y'), commit('y', 2)]);
    equal((await openJournal('/data', { files: disk.afterCrash('power') })).view.state.generation, 2);
  });

  it('is poisoned when it cannot know which file a restart would see', async () => {
    for (const operation of [4, 5]) {
      const disk = forgetfulDisk();
      const journal = await openJournal('/data', { files: disk });
      failAt(disk, operation, 'EIO');
      await rejects(journal.compact(1), code('JOURNAL_POISONED'));
      equal(journal.poisoned, true);
    }
  });

  it('says so when the folder cannot be written', async () => {
    const disk = forgetfulDisk();
    failAt(disk, 1, 'EROFS');
    await rejects(openJournal('/data', { files: disk }), code('JOURNAL_OPEN_FAILED'));
  });
});
