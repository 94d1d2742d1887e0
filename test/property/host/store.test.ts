/** For any order of puts and any crash: what was acknowledged can be read, and nothing is ever read under a wrong name. */
import { strictEqual } from 'node:assert';
import fc from 'fast-check';
import { openStore } from '@sluice/kernel/host/store';
import { SimulatedDisk } from '@sluice/kernel/testing';
import { failAt } from '../../support/failing-disk.js';

const RUNS = Number(process.env['SLUICE_RUNS'] ?? 200);

describe('blob store under faults', function () {
  this.timeout(120_000);

  it('keeps every acknowledged blob through a failing operation and a crash', async () => {
    // Rounds of blobs that are put at the same time; equal numbers are equal blobs.
    const rounds = fc.array(fc.array(fc.nat(12), { minLength: 1, maxLength: 8 }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        rounds,
        fc.nat(80),
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        async (puts, fault, chances) => {
          const chance = (): number => chances.next().value as number;
          const disk = new SimulatedDisk(chance);
          const store = await openStore('/data', disk);
          failAt(disk, 1 + fault, 'EIO');
          const acknowledged = new Map<string, string>();
          for (const numbers of puts) {
            const results = await Promise.allSettled(numbers.map((number) => store.put(Buffer.from(`blob ${number}`))));
            results.forEach((result, index) => {
              if (result.status === 'fulfilled') acknowledged.set(result.value, `blob ${numbers[index]}`);
            });
          }
          if (chance() < 0.5) await store.settled();
          const next = await openStore('/data', disk.afterCrash(chance() < 0.5 ? 'power' : 'process'));
          for (const [digest, content] of acknowledged) strictEqual((await next.get(digest)).toString(), content);
          await next.settled();
          for (const [digest, content] of acknowledged) strictEqual((await next.get(digest)).toString(), content);
          for (const digest of await next.list()) await next.get(digest);
        },
      ),
      { numRuns: RUNS },
    );
  });
});
