/**
 * kill -9 at random instants of a process that stores, journals and compacts: whatever it said to be durable is there, nothing half is,
 * and the next process takes the folder over at once. `SLUICE_KILLS` sets the number (default 5), `SLUICE_SEED` the seed.
 */
import { deepStrictEqual as equal, ok } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openJournal } from '@sluice/kernel/host/journal';
import { acquireLock } from '@sluice/kernel/host/lock';
import { digestsInUse, recover } from '@sluice/kernel/host/recovery';
import { openStore } from '@sluice/kernel/host/store';
import { seeded } from '../../verify/random.js';
import { temporaryFolders } from '../../unit/host/temporary-folder.js';

const KILLS = Number(process.env['SLUICE_KILLS'] ?? 5);
/** Decides after how many commits each process is killed; the instant within the next one is up to the machine. */
const SEED = Number(process.env['SLUICE_SEED'] ?? Date.now() % 1_000_000);

/** Runs the writer until it has acknowledged `commits` more, then kills it between its further steps. Returns the last acknowledged. */
async function runAndKill(folder: string, commits: number): Promise<number> {
  const child = spawn(process.execPath, [join(__dirname, 'writer.js'), folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => {
    output += text;
    if (output.split('\n').length > commits) child.kill('SIGKILL');
  });
  await once(child, 'close');
  return Number(output.trimEnd().split('\n').at(-1));
}

describe('kill -9', function () {
  this.timeout(60_000 + KILLS * 5_000);
  const newFolder = temporaryFolders();

  it(`${KILLS} times (seed ${SEED}): acknowledged is recovered, blobs are whole, nothing is left over`, async () => {
    const folder = await newFolder();
    const random = seeded(SEED);
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const acknowledged = await runAndKill(folder, 1 + Math.floor(random() * 40));
      const lock = await acquireLock(folder);
      const store = await openStore(folder);
      await store.sweepStaging();
      const journal = await openJournal(folder);
      const good = new Set<string>();
      for (const digest of digestsInUse(journal.view))
        if (
          await store.get(digest).then(
            () => true,
            () => false,
          )
        )
          good.add(digest);
      const recovery = recover(journal.view, { now: 9, hasBlob: (digest) => good.has(digest), pointer: null });
      const { generation, bundles } = recovery.state;
      // The commit after the last acknowledged one may have reached the disk before the process could say so.
      ok(generation === acknowledged || generation === acknowledged + 1, `generation ${generation}, acknowledged ${acknowledged}`);
      equal([bundles[0]?.version, recovery.alarms], [`${generation}.0.0`, []]);
      await journal.append(recovery.append);
      for (const orphan of await store.orphans(digestsInUse(journal.view))) await store.remove(orphan);
      equal([...(await store.list())], [...digestsInUse(journal.view)].sort());
      await journal.close();
      await store.settled();
      await lock.release();
    }
    const names = (await readdir(folder)).filter((name) => !name.startsWith('journal.damaged-'));
    equal(names.sort(), ['blobs', 'journal.log', 'lock', 'staging']);
    equal([await readdir(`${folder}/lock`), await readdir(`${folder}/staging`)], [[], []]);
  });
});
