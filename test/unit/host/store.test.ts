/** Promises of the blob store: one suite for all three places it can live in, then what only a disk can do wrong. */
import { deepStrictEqual as equal, rejects } from 'node:assert';
import { createHash } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import type { BlobStore } from '@sluice/kernel/host/ports';
import { MemoryStore, openStore } from '@sluice/kernel/host/store';
import { SimulatedDisk } from '@sluice/kernel/testing';
import { changesOf, failAt, forgetfulDisk, heal } from '../../support/failing-disk.js';
import { temporaryFolders } from './temporary-folder.js';

const ONE = Buffer.from('one');
const TWO = Buffer.from('two');
const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const code = (expected: string) => (error: { code?: string }) => error.code === expected;

/** What a power cut leaves of unsynced writes: all, none, a beginning, or anything. */
const CHANCES = [0, 0.25, 0.5, 0.9];

describe('blob store', () => {
  const opened: BlobStore[] = [];
  // Before the folders are deleted: hooks run in the order in which they are declared.
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });
  const newFolder = temporaryFolders();
  const owned = <S extends BlobStore>(store: S): S => {
    opened.push(store);
    return store;
  };
  const kinds: Record<string, () => Promise<BlobStore>> = {
    'in memory': async () => owned(new MemoryStore()),
    'in a folder': async () => owned(await openStore(await newFolder())),
    'on a simulated disk': async () => owned(await openStore('/data', forgetfulDisk())),
  };
  const many = Array.from({ length: 40 }, (_, number) => Buffer.from(`blob ${number}`));

  for (const [kind, make] of Object.entries(kinds)) {
    describe(kind, () => {
      it('returns what was put, under its SHA-256', async () => {
        const store = await make();
        const digest = await store.put(ONE);
        equal([digest, await store.get(digest), await store.has(digest)], [sha(ONE), ONE, true]);
      });

      it('stores the same bytes once, also when put at the same time', async () => {
        const store = await make();
        await Promise.all([store.put(ONE), store.put(ONE), store.put(ONE)]);
        await store.put(ONE);
        equal(await store.list(), [sha(ONE)]);
      });

      it('lists digests sorted, and those not in use', async () => {
        const store = await make();
        const digests = await Promise.all([store.put(ONE), store.put(TWO), store.put(Buffer.alloc(0))]);
        equal(await store.list(), [...digests].sort());
        equal(await store.orphans([sha(ONE), sha(Buffer.from('never stored'))]), [sha(TWO), sha(Buffer.alloc(0))].sort());
      });

      it('removes, and says so of what is missing', async () => {
        const store = await make();
        const digest = await store.put(ONE);
        await store.remove(digest);
        await store.remove(digest);
        equal([await store.has(digest), await store.list()], [false, []]);
        await rejects(store.get(digest), code('STORE_BLOB_MISSING'));
      });

      it('refuses what is not a digest', async () => {
        const store = await make();
        for (const digest of ['../../etc/passwd', '', 'A'.repeat(64)]) await rejects(store.get(digest), code('STORE_DIGEST_INVALID'));
        equal(await store.has('../x'), false);
      });

      it('keeps many blobs put at once', async () => {
        const store = await make();
        const blobs = Array.from({ length: 100 }, (_, number) => Buffer.from(`blob ${number}`));
        const digests = await Promise.all(blobs.map((blob) => store.put(blob)));
        equal(await Promise.all(digests.map((digest) => store.get(digest))), blobs);
      });
    });
  }

  it('finds a damaged blob when it is read, and is repaired by putting it again', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    const digest = await store.put(ONE);
    await store.settled();
    await writeFile(`${folder}/blobs/${digest}`, 'onE');
    await rejects(store.get(digest), code('STORE_DIGEST_MISMATCH'));
    await store.put(ONE);
    equal(await store.get(digest), ONE);
    const memory = new MemoryStore();
    memory.damage(await memory.put(ONE));
    await rejects(memory.get(digest), code('STORE_DIGEST_MISMATCH'));
  });

  it('sweeps what an interrupted write left', async () => {
    const folder = await newFolder();
    await openStore(folder);
    await writeFile(`${folder}/staging/half.part`, 'ha');
    const store = await openStore(folder);
    equal(await store.sweepStaging(), 1);
    equal(await readdir(`${folder}/staging`), []);
  });

  it('has a blob on disk when put returns: a crash right after loses nothing', async () => {
    let chance = 0.25;
    const disk = new SimulatedDisk(() => chance);
    const store = await openStore('/data', disk);
    const digests = await Promise.all([store.put(ONE), store.put(TWO)]);
    for (chance of CHANCES) {
      const next = await openStore('/data', disk.afterCrash('power'));
      equal(await Promise.all(digests.map((digest) => next.get(digest))), [ONE, TWO]);
    }
  });

  it('appends what is put one after the other to one file, and makes files of their own when asked', async () => {
    const disk = forgetfulDisk();
    const store = owned(await openStore('/data', disk));
    await store.put(ONE);
    const changes = changesOf(disk);
    await store.put(TWO);
    equal(changes, ['append', 'sync']);
    equal(disk.paths().length, 1);
    await store.settled();
    equal(
      disk.paths(),
      [sha(ONE), sha(TWO)].sort().map((digest) => `/data/blobs/${digest}`),
    );
  });

  it('keeps what it had when an append to the same file fails', async () => {
    for (const [operation, chance] of [1, 2].flatMap((step) => CHANCES.map((one) => [step, one] as const))) {
      const disk = new SimulatedDisk(() => chance);
      const store = await openStore('/data', disk);
      const one = await store.put(ONE);
      failAt(disk, operation, 'ENOSPC');
      await rejects(store.put(TWO), code('STORE_WRITE_FAILED'));
      heal(disk);
      const three = await store.put(Buffer.from('three'));
      const next = owned(await openStore('/data', disk.afterCrash('power')));
      equal([await next.get(one), await next.get(three)], [ONE, Buffer.from('three')]);
    }
  });

  it('writes a large blob once', async () => {
    const folder = await newFolder();
    const store = owned(await openStore(folder));
    const digest = await store.put(Buffer.alloc(2 * 1024 * 1024, 7));
    equal([await readdir(`${folder}/blobs`), await readdir(`${folder}/staging`)], [[digest], []]);
  });

  describe('of many blobs put at once', () => {
    it('makes them durable with one sync, and files of their own afterwards', async () => {
      const disk = forgetfulDisk();
      const store = owned(await openStore('/data', disk));
      const changes = changesOf(disk);
      const digests = await Promise.all(many.map((blob) => store.put(blob)));
      equal(
        changes.slice(0, 5).filter((kind) => kind.startsWith('sync')),
        ['sync', 'syncFolder'],
      );
      equal(await Promise.all(digests.map((digest) => store.get(digest))), many);
      await store.settled();
      equal(
        disk.paths().map((path) => path.slice('/data/blobs/'.length)),
        [...digests].sort(),
      );
    });

    it('loses none in a crash right after, or at any moment while the files are made', async () => {
      for (let operation = 1; operation < 60; operation += 7) {
        let chance = 0.25;
        const disk = new SimulatedDisk(() => chance);
        const store = await openStore('/data', disk);
        const digests = await Promise.all(many.map((blob) => store.put(blob)));
        failAt(disk, operation, 'EIO');
        await store.settled();
        for (chance of CHANCES) {
          const next = owned(await openStore('/data', disk.afterCrash('power')));
          equal(await Promise.all(digests.map((digest) => next.get(digest))), many);
          equal(await next.list(), [...digests].sort());
        }
      }
    });

    it('takes up what a close left undone', async () => {
      const folder = await newFolder();
      const store = await openStore(folder);
      const digests = await Promise.all(many.map((blob) => store.put(blob)));
      await store.close();
      await rejects(store.put(ONE), code('STORE_CLOSED'));
      const next = owned(await openStore(folder));
      equal(await next.sweepStaging(), 0);
      await next.settled();
      equal([(await readdir(`${folder}/blobs`)).sort(), await readdir(`${folder}/staging`)], [[...digests].sort(), []]);
    });

    it('does not bring back what was removed meanwhile', async () => {
      const store = owned(await openStore(await newFolder()));
      const digests = await Promise.all(many.map((blob) => store.put(blob)));
      for (const digest of digests.slice(1)) await store.remove(digest);
      await store.settled();
      equal(await store.list(), digests.slice(0, 1));
    });
  });

  for (const faultCode of ['ENOSPC', 'EIO', 'EMFILE', 'EROFS'] as const) {
    it(`reports ${faultCode} at every step of a write, leaves no half blob, and works again afterwards`, async () => {
      for (let operation = 1; operation <= 4; operation += 1) {
        const disk = forgetfulDisk();
        const store = owned(await openStore('/data', disk));
        failAt(disk, operation, faultCode);
        await rejects(store.put(ONE), (error: { code?: string; cause?: { code?: string } }) => {
          return error.code === 'STORE_WRITE_FAILED' && error.cause?.code === faultCode;
        });
        equal(
          disk.paths().filter((path) => path.includes('staging')),
          [],
        );
        heal(disk);
        equal(await store.get(await store.put(ONE)), ONE);
      }
    });
  }
});
