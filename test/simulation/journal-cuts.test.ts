/**
 * The journal of a kernel's life cut at every byte, and with bits turned over anywhere: a start finds the state after a prefix of its records,
 * old or new and never a mixture, says what it repaired, and a second start finds the same.
 */
import { deepStrictEqual as equal, ok } from 'node:assert';
import { decodeJournal } from '@sluice/kernel/host/journal-format';
import { foldRecords } from '@sluice/kernel/host/journal-view';
import { openPersistence } from '@sluice/kernel/host/persistence';
import { recover } from '@sluice/kernel/host/recovery';
import type { DesiredState, JournalRecord } from '@sluice/kernel/host/ports';
import { SimulatedDisk } from '@sluice/kernel/testing';
import { seeded } from '../verify/random.js';
import { ARTIFACTS, BUNDLES } from './scripted-bundles.js';
import { SimulatedHost } from './simulated-host.js';

const JOURNAL = '/data/journal.log';
const FLIPS = Number(process.env['SLUICE_FLIPS'] ?? 800);

/** What a start is about: the rest of the state is history. */
function essence({ generation, startLevel, bundles }: DesiredState): unknown {
  return JSON.parse(JSON.stringify({ generation, startLevel, bundles }));
}

/** A kernel that installed, swapped, was refused, went back, stopped and removed; and the disk it left. */
async function lifeOfAKernel(): Promise<{
  readonly disk: SimulatedDisk;
  readonly journal: Buffer;
  readonly records: readonly JournalRecord[];
}> {
  const host = new SimulatedHost(seeded(1), () => undefined, {}, Number.POSITIVE_INFINITY);
  const booted = await host.boot();
  ok(booted !== 'lost' && 'value' in booted);
  const { kernel } = booted.value;
  const options = { actor: 'test', watchMs: 0 };
  const version = (bundle: string, number: number): Uint8Array => ARTIFACTS[bundle]?.[number]?.bytes ?? new Uint8Array();
  await host.drive(async () => {
    await kernel.deploy([version('sim.alpha', 0), version('sim.beta', 0)], options);
    await kernel.deploy([version('sim.alpha', 1)], { ...options, watchMs: 60_000 });
    await kernel.rollback('sim.alpha', options);
    await kernel.deploy([version('sim.gamma', 0), version('sim.alpha', 2)], options);
    await kernel.stop('sim.gamma', options);
    await kernel.uninstall('sim.gamma', options);
    await kernel.deploy([version('sim.beta', 3)], { ...options, watchMs: 60_000 });
    await kernel.setStartLevel(60, options);
  });
  const { disk } = host;
  disk.crashNow();
  const path = disk.paths().find((one) => one.startsWith(JOURNAL)) ?? JOURNAL;
  const journal = disk.content(path) ?? Buffer.alloc(0);
  const decoded = decodeJournal(journal);
  equal(decoded.tail, 'clean');
  return { disk, journal, records: decoded.records };
}

/** A disk with every artifact there is and this journal. */
function diskWith(journal: Uint8Array): SimulatedDisk {
  const disk = new SimulatedDisk(seeded(2));
  for (const bundle of BUNDLES) for (const { digest, bytes } of ARTIFACTS[bundle] ?? []) disk.overwrite(`/data/blobs/${digest}`, bytes);
  disk.overwrite(JOURNAL, journal);
  return disk;
}

/** Starts twice from a journal; returns what was found. */
async function startTwice(journal: Uint8Array): Promise<{ readonly state: unknown; readonly alarms: readonly string[] }> {
  const options = { now: () => 9, newName: counter() };
  const first = diskWith(journal);
  const opened = await openPersistence('/data', { ...options, files: first });
  await opened.journal.append([...opened.recovery.append, { type: 'boot', at: 9 }]);
  const state = essence(opened.recovery.state);
  equal(essence(opened.journal.view.state), state);
  const again = await openPersistence('/data', { ...options, files: first.afterCrash('power') });
  equal([essence(again.recovery.state), again.recovery.append, again.journal.repairs], [state, [], []]);
  return { state, alarms: [...opened.journal.repairs, ...opened.recovery.alarms].map(({ code }) => code) };
}

function counter(): () => string {
  let count = 0;
  return () => String(++count);
}

describe('a damaged journal', function () {
  this.timeout(120_000);
  let life: Awaited<ReturnType<typeof lifeOfAKernel>>;
  /** What a start makes of the first records, by their number. */
  let states: readonly unknown[];
  /** Where each record ends. */
  let ends: readonly number[];

  before(async () => {
    life = await lifeOfAKernel();
    const facts = { now: 9, hasBlob: () => true, pointer: null };
    states = [0, ...life.records.keys()].map((_, count) => essence(recover(foldRecords(life.records.slice(0, count)), facts).state));
    ends = [0, ...[...life.journal.entries()].flatMap(([index, byte]) => (byte === 0x0a ? [index + 1] : []))];
    equal(ends.length, life.records.length + 1);
    ok(new Set(states.map((state) => JSON.stringify(state))).size >= 8, 'the life has enough different states');
  });

  it('cut at every byte gives the state after the records that are whole', async () => {
    for (let cut = 0; cut <= life.journal.length; cut += 1) {
      const whole = ends.findLastIndex((end) => end <= cut);
      const found = await startTwice(life.journal.subarray(0, cut));
      equal(found, { state: states[whole], alarms: cut === ends[whole] ? [] : ['JOURNAL_TAIL_CUT'] }, `cut at ${cut}`);
    }
  });

  it(`with ${FLIPS} bits turned over, one or some at a time, gives the state before the damage and says so`, async () => {
    const random = seeded(3);
    for (let flip = 0; flip < FLIPS; flip += 1) {
      const damaged = Buffer.from(life.journal);
      const places = Array.from({ length: 1 + Math.floor(random() * 3) }, () => Math.floor(random() * damaged.length));
      for (const place of places) damaged[place] = (damaged[place] ?? 0) ^ (1 << Math.floor(random() * 8));
      if (damaged.equals(life.journal)) continue;
      const first = damaged.findIndex((byte, index) => byte !== life.journal[index]);
      const whole = ends.findLastIndex((end) => end <= first);
      const { state, alarms } = await startTwice(damaged);
      equal(state, states[whole], `bytes ${places.join(', ')}`);
      ok(alarms.includes('JOURNAL_DAMAGED') || alarms.includes('JOURNAL_TAIL_CUT'));
    }
  });

  it('with a sector that reads as zeros or as another one gives the state before it', async () => {
    const random = seeded(4);
    for (let count = 0; count < 300; count += 1) {
      const damaged = Buffer.from(life.journal);
      const [from, source] = [Math.floor(random() * damaged.length), Math.floor(random() * damaged.length)];
      if (random() < 0.5) damaged.subarray(from, from + 512).fill(0);
      else damaged.copy(damaged, from, source, source + 512);
      const first = damaged.findIndex((byte, index) => byte !== life.journal[index]);
      const whole = first < 0 ? ends.length - 1 : ends.findLastIndex((end) => end <= first);
      equal((await startTwice(damaged)).state, states[whole]);
    }
  });

  it('cut at every record, a kernel comes up with exactly that state', async () => {
    for (const [count, end] of ends.entries()) {
      const host = new SimulatedHost(seeded(5), () => undefined);
      const disk = diskWith(life.journal.subarray(0, Math.max(0, end - (count % 2))));
      host.disk = disk;
      const booted = await host.boot();
      ok(booted !== 'lost' && 'value' in booted);
      const { kernel, persistence } = booted.value;
      const wanted = persistence.journal.view.state.bundles.map(({ symbolicName, version }) => `${symbolicName} ${version}`);
      equal(
        kernel.bundles().map(({ symbolicName, version }) => `${symbolicName} ${version}`),
        wanted,
      );
      const running = kernel.bundles().filter(({ autostart, startLevel }) => autostart && startLevel <= kernel.state.startLevel);
      equal(
        running.filter(({ state }) => state !== 'ACTIVE'),
        [],
      );
      const answer = await host.drive(() => kernel.shutdown());
      ok(answer !== 'lost' && 'value' in answer);
    }
  });
});
