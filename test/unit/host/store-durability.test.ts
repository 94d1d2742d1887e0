/** What "stored" means when an earlier process or an earlier write ended badly. Chance keeps nothing here: a power cut takes all that is unsynced. */
import { deepStrictEqual as equal, rejects, strictEqual } from 'node:assert';
import { openPersistence } from '@sluice/kernel/host/persistence';
import { openStore } from '@sluice/kernel/host/store';
import { SimulatedDisk, type DiskErrorCode, type DiskOperation } from '@sluice/kernel/testing';

/** Picks, where a disk asks for chance, that nothing unsynced survives a power cut and what fails was not done. */
const NOTHING_SURVIVES = (): number => 0.25;
const BLOBS = [1, 2, 3, 4, 5].map((number) => Buffer.from(`blob ${number}`));
const [ONE = Buffer.alloc(0)] = BLOBS;
/** So large that it is written as a file of its own at once. */
const LARGE = Buffer.alloc(1_100_000, 7);

describe('durability of the store', () => {
  it('a name that a dead process left unsynced is synced before the blob counts as stored', async () => {
    const first = new SimulatedDisk(NOTHING_SURVIVES);
    first.decide = ({ kind, path }) => (kind === 'syncFolder' && path.endsWith('/blobs') ? 'crash' : undefined);
    void (await openStore('/data', first)).put(LARGE);
    await first.crash;
    const second = first.afterCrash('process');
    const store = await openStore('/data', second);
    // It is there under its name: nothing is written anew.
    second.decide = ({ kind }) => (kind === 'create' ? 'EIO' : undefined);
    const digest = await store.put(LARGE);
    const third = await openStore('/data', second.afterCrash('power'));
    equal(await third.get(digest), LARGE);
  });

  it('a batch that a dead process left unsynced, in name or content, is durable before its blobs count as stored', async () => {
    for (const unsynced of ['sync', 'syncFolder']) {
      const first = new SimulatedDisk(NOTHING_SURVIVES);
      first.decide = ({ kind, path }) => (kind === unsynced && path.includes('/staging') ? 'crash' : undefined);
      const puts = await openStore('/data', first);
      for (const bytes of BLOBS) void puts.put(bytes);
      await first.crash;
      const second = first.afterCrash('process');
      const store = await openStore('/data', second);
      // The files of its own that the store makes in the background come too late.
      second.decide = ({ kind, path }) => (kind === 'create' && path.endsWith('.part') ? 'EIO' : undefined);
      const digest = await store.put(ONE);
      const third = await openStore('/data', second.afterCrash('power'));
      equal(await third.get(digest), ONE);
    }
  });

  it('a start that may not open more files fails instead of taking blobs for lost', async () => {
    for (const code of ['EMFILE', 'EIO'] as const) {
      const disk = await withOneBundle();
      disk.decide = failing(code, ({ kind, path }) => kind === 'read' && path.includes('/blobs/'));
      const opening = openPersistence('/data', { now: () => 1, files: disk });
      if (code === 'EMFILE') await rejects(opening, { code: 'STORE_READ_FAILED', retryable: true });
      // A disk that does not give a blob back has lost it.
      else
        equal(
          (await opening).recovery.alarms.map((alarm) => alarm.code),
          ['BLOB_LOST'],
        );
    }
  });

  it('a pointer that cannot be read is no reason not to start, and is written again, one number at a time', async () => {
    const disk = await withOneBundle();
    disk.decide = failing('EIO', ({ kind, path }) => kind === 'read' && path === '/data/pointer');
    const { recovery, pointer } = await openPersistence('/data', { now: () => 1, files: disk });
    equal([recovery.state.generation, recovery.alarms], [1, []]);
    disk.decide = () => undefined;
    for (const generation of [2, 3, 4]) pointer.note(generation);
    await pointer.settled();
    equal(await pointer.read(), { generation: 4 });
    strictEqual(disk.paths().includes('/data/pointer.part'), false);
  });

  it('says with a code what keeps it from opening', async () => {
    for (const kind of ['makeFolder', 'list', 'read'] as const) {
      const disk = await withOneBundle();
      disk.decide = failing(
        'EIO',
        (operation) => operation.kind === kind && !operation.path.includes('/blobs/') && operation.path !== '/data/pointer',
      );
      await rejects(openPersistence('/data', { now: () => 1, files: disk }), (error: { code: string; remedy?: string }) => {
        return ['STORE_OPEN_FAILED', 'STORE_READ_FAILED', 'JOURNAL_OPEN_FAILED'].includes(error.code) && error.remedy !== undefined;
      });
    }
  });
});

function failing(code: DiskErrorCode, isMeant: (operation: DiskOperation) => boolean): SimulatedDisk['decide'] {
  return (operation) => (isMeant(operation) ? code : undefined);
}

async function withOneBundle(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(NOTHING_SURVIVES);
  const { store, journal } = await openPersistence('/data', { now: () => 1, files: disk });
  const to = { digest: await store.put(ONE), version: '1.0.0' };
  await store.settled();
  const change = { symbolicName: 'test.a', bundleId: 1, from: null, to, autostart: true, startLevel: 50 };
  await journal.append([
    { type: 'begin', at: 1, deployId: 'd', kind: 'deploy', actor: 'test', baseGeneration: 0, changes: [change] },
    { type: 'commit', at: 1, deployId: 'd', generation: 1 },
    { type: 'done', at: 1, deployId: 'd', outcome: 'confirmed' },
  ]);
  return disk;
}
