/**
 * For any history and any crash: the state is exactly the fold of what was committed, wholly old or wholly new, and recovering is finished
 * after once. `SLUICE_RUNS` sets the number of histories; a failure prints the seed to replay it.
 */
import { deepStrictEqual as equal, strictEqual } from 'node:assert';
import fc from 'fast-check';
import { decodeJournal, encodeRecord } from '@sluice/kernel/host/journal-format';
import { openJournal } from '@sluice/kernel/host/journal';
import type { DesiredState, JournalRecord } from '@sluice/kernel/host/ports';
import { applyCommit, EMPTY_STATE, foldRecord, foldRecords } from '@sluice/kernel/host/journal-view';
import { recover } from '@sluice/kernel/host/recovery';
import { SimulatedDisk } from '@sluice/kernel/testing';
import { failAt, forgetfulDisk } from '../../support/failing-disk.js';
import { histories } from './histories.js';

const RUNS = Number(process.env['SLUICE_RUNS'] ?? 100);
const PATH = '/data/journal.log';

/** Bundles as a reader with nothing but pen and paper would get them: each commit applied in turn. */
function bundlesByHand(records: readonly JournalRecord[]): DesiredState['bundles'] {
  let state = EMPTY_STATE;
  const begun = new Map<string, JournalRecord & { type: 'begin' }>();
  for (const record of records) {
    if (record.type === 'begin') begun.set(record.deployId, record);
    const begin = record.type === 'commit' ? begun.get(record.deployId) : undefined;
    if (record.type === 'commit' && begin !== undefined) state = applyCommit(state, begin, record.generation);
  }
  return state.bundles;
}

describe('recovery', function () {
  this.timeout(120_000);

  it('gives the fold of the committed prefix, wherever the file is cut', () => {
    fc.assert(
      fc.property(histories(12), (records) => {
        const lines = records.map((record, index) => encodeRecord(record, index + 1));
        const bytes = Buffer.concat(lines);
        const ends = [0];
        for (const line of lines) ends.push((ends.at(-1) ?? 0) + line.length);
        const views = ends.map((_, count) => foldRecords(records.slice(0, count)));
        for (let cut = 0; cut <= bytes.length; cut += 1) {
          const whole = ends.findLastIndex((end) => end <= cut);
          const decoded = decodeJournal(bytes.subarray(0, cut));
          strictEqual(decoded.records.length, whole);
          strictEqual(decoded.goodBytes, ends[whole]);
          strictEqual(decoded.tail, cut === ends[whole] ? 'clean' : 'cut');
        }
        // The records of a prefix are the records written, so one fold per record stands for all cuts within it.
        views.forEach((view, count) => {
          equal(foldRecords(decodeJournal(bytes.subarray(0, ends[count])).records), view);
          equal(view.state.bundles, bundlesByHand(records.slice(0, count)));
        });
      }),
      { numRuns: RUNS },
    );
  });

  it('finds one flipped bit anywhere, and keeps what is before it', () => {
    fc.assert(
      fc.property(histories(8), fc.nat(), fc.integer({ min: 0, max: 7 }), (records, place, bit) => {
        const lines = records.map((record, index) => encodeRecord(record, index + 1));
        const bytes = Buffer.concat(lines);
        if (bytes.length === 0) return;
        const at = place % bytes.length;
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        let before = 0;
        let count = 0;
        while (before + (lines[count]?.length ?? 0) <= at) before += lines[count++]?.length ?? 0;
        const decoded = decodeJournal(bytes);
        equal([decoded.records, decoded.goodBytes], [records.slice(0, count), before]);
      }),
      { numRuns: RUNS * 10 },
    );
  });

  it('is wholly old or wholly new, and has nothing to add the second time', () => {
    fc.assert(
      fc.property(histories(30), fc.nat(4), (records, lostVersion) => {
        for (let count = 0; count <= records.length; count += 1) {
          const view = foldRecords(records.slice(0, count));
          const facts = { now: 1, hasBlob: (digest: string) => !digest.endsWith(`-${lostVersion}`), pointer: null };
          const first = recover(view, facts);
          let after = view;
          // A crash while recovery writes: its records are there in part, and the next start goes on from there.
          first.append.forEach((record) => {
            after = foldRecord(after, record);
            const resumed = recover(after, facts);
            equal([withoutHistory(resumed.state), resumed.trial], [withoutHistory(first.state), first.trial]);
          });
          const second = recover(after, facts);
          equal([second.state, second.append], [first.state, []]);
          strictEqual(first.state.generation >= view.state.generation, true);
          strictEqual(after.undecided.length, 0);
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('loses nothing acknowledged at any failing or crashing disk operation', async () => {
    await fc.assert(
      fc.asyncProperty(histories(20), fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })), async (records, chances) => {
        const chance = (): number => chances.next().value as number;
        const disk = new SimulatedDisk(chance);
        const journal = await openJournal('/data', { files: disk, compactAtBytes: 1_500 });
        failAt(disk, 1 + Math.floor(chance() * 60), 'EIO');
        let acknowledged = 0;
        for (const record of records) {
          try {
            await journal.append(record);
            acknowledged += 1;
          } catch {
            break;
          }
        }
        const next = await openJournal('/data', { files: disk.afterCrash(chance() < 0.5 ? 'power' : 'process') });
        // What was being written when the disk failed may or may not have happened; everything before has, nothing else has.
        const possible = [acknowledged, acknowledged + 1].map((count) => foldRecords(records.slice(0, count)));
        const found = possible.findIndex((view) => JSON.stringify(view) === JSON.stringify(next.view));
        strictEqual(found >= 0, true, `found ${JSON.stringify(next.view)} after ${acknowledged} acknowledged of ${records.length}`);
      }),
      { numRuns: RUNS * 5 },
    );
  });

  it('reads the same after the file was rewritten in the middle of a history', async () => {
    await fc.assert(
      fc.asyncProperty(histories(25), fc.array(fc.nat(24), { maxLength: 3 }), async (records, rewrites) => {
        const disk = forgetfulDisk();
        let journal = await openJournal('/data', { files: disk });
        for (const [index, record] of records.entries()) {
          await journal.append(record);
          if (rewrites.includes(index)) await journal.compact(index);
        }
        equal(journal.view, foldRecords(records));
        const next = disk.afterCrash('power');
        journal = await openJournal('/data', { files: next });
        equal(JSON.stringify(journal.view), JSON.stringify(foldRecords(records)));
        strictEqual(decodeJournal(next.content(PATH) ?? Buffer.alloc(0)).tail, 'clean');
      }),
      { numRuns: RUNS },
    );
  });
});

function withoutHistory(state: DesiredState): Omit<DesiredState, 'history'> {
  const { history: _, ...rest } = state;
  return rest;
}
