/**
 * A machine with one kernel: the real engine, journal, store and recovery on a simulated disk and virtual time. Its process can end at any
 * operation of the disk and is started again from what the disk then holds. Owns disk, clock and kernel; what to do with them is the
 * simulation's.
 */
import { readArchive } from '@sluice/kernel/host/archive';
import type { FileLayer } from '@sluice/kernel/host/files';
import { openPersistence, type Persistence, type PersistenceOptions } from '@sluice/kernel/host/persistence';
import type { DesiredState, JournalView, LeakWatch, Recovery, RecoveryFacts } from '@sluice/kernel/host/ports';
import { createSchemaChecker } from '@sluice/kernel/host/schema-check';
import { KernelRuntime } from '@sluice/kernel/lifecycle/kernel-runtime';
import type { RegistryCounts } from '@sluice/kernel/registry/index';
import {
  createTestLoader,
  settle,
  SimulatedDisk,
  VirtualClock,
  type CrashKind,
  type DiskErrorCode,
  type DiskOperation,
} from '@sluice/kernel/testing';

const FOLDER = '/data';
/** So small that a history of some changes rewrites the journal. */
const COMPACT_AT_BYTES = 6_000;
/** Steps of virtual time after which a command should long have ended. */
const STEPS_MAX = 600;
const STEP_MS = 500;

/** Whether a revision is collected is not simulated: the collector is not deterministic. */
const NO_LEAK_WATCH: LeakWatch = {
  watch: () => undefined,
  verdicts: () => [],
  collect: () => Promise.resolve([]),
  holders: () => Promise.resolve([]),
  close: () => undefined,
};

const checkSchema = createSchemaChecker();
const loader = createTestLoader();

/** How a command ended: `lost` when the process ended before it was answered. */
export type Answer<T> = { readonly value: T } | { readonly error: unknown } | 'lost';

/** Mistakes to plant between the kernel and its state. */
export interface Mutations {
  readonly files?: (files: FileLayer) => FileLayer;
  readonly recovery?: (view: JournalView, facts: RecoveryFacts) => Recovery;
  /** Digests that a tidy keeps, instead of all that are in use. */
  readonly kept?: (state: DesiredState) => readonly string[];
}

/** A kernel that runs. */
export interface Running {
  readonly kernel: KernelRuntime;
  /** What the registry of a kernel without bundles holds. */
  readonly empty: RegistryCounts;
  readonly persistence: Persistence;
}

/** Opens the state on a disk, with the planted mistakes. */
export async function openState(disk: FileLayer, mutations: Mutations, options: Omit<PersistenceOptions, 'files'>): Promise<Persistence> {
  const files = mutations.files?.(disk) ?? disk;
  const opened = await openPersistence(FOLDER, { ...options, files });
  const { store, journal, pointer } = opened;
  const { recovery: wrongRecovery, kept: wronglyKept } = mutations;
  const facts = { now: options.now(), hasBlob: () => true, pointer: wrongRecovery === undefined ? null : await pointer.read() };
  const recovery = wrongRecovery?.(journal.view, facts) ?? opened.recovery;
  const wrongTidy = async (): Promise<void> => {
    for (const orphan of await store.orphans(wronglyKept?.(journal.view.state) ?? [])) await store.remove(orphan);
  };
  return { ...opened, recovery, tidy: wronglyKept === undefined ? opened.tidy : wrongTidy };
}

/** See the head of the file. */
export class SimulatedHost {
  disk: SimulatedDisk;
  clock = new VirtualClock();
  running: Running | null = null;
  #names = 0;
  readonly #mutations: Mutations;
  readonly #observe: (operation: DiskOperation, outcome: DiskErrorCode | 'crash' | 'ok') => void;

  constructor(
    random: () => number,
    observe: SimulatedHost['disk']['onOperation'],
    mutations: Mutations = {},
    private readonly compactAtBytes: number = COMPACT_AT_BYTES,
  ) {
    this.#mutations = mutations;
    this.#observe = observe;
    this.disk = this.#prepared(new SimulatedDisk(random));
  }

  #prepared(disk: SimulatedDisk): SimulatedDisk {
    disk.onOperation = this.#observe;
    return disk;
  }

  /** Starts a kernel from the disk, as the composition root does. */
  async boot(): Promise<Answer<Running>> {
    return this.drive(async () => {
      const persistence = await openState(this.disk, this.#mutations, {
        now: () => this.clock.now(),
        clock: this.clock,
        compactAtBytes: this.compactAtBytes,
        newName: () => String(++this.#names).padStart(6, '0'),
      });
      const { store, journal, recovery, pointer } = persistence;
      const kernel = new KernelRuntime({
        version: '1.0.0',
        sdkVersions: ['1.0.0'],
        ports: { clock: this.clock, store, journal, loader, leakWatch: NO_LEAK_WATCH },
        readArchive,
        checkSchema,
        dataFolder: (name) => `${FOLDER}/${name}`,
        writeBackup: () => Promise.reject(new Error('no backups here')),
      });
      const empty = kernel.state.registry.counts();
      kernel.state.listen(({ kind, message }) => {
        if (kind === 'GENERATION') pointer.note(Number(message));
      });
      await kernel.boot(recovery);
      store.forgetChecked();
      kernel.betweenChanges(() => persistence.tidy());
      this.running = { kernel, empty, persistence };
      return this.running;
    });
  }

  /** The process ends, without a word or because the power is cut, and the machine is on again. */
  crash(kind: CrashKind): void {
    this.disk = this.#prepared(this.disk.afterCrash(kind));
    this.clock = new VirtualClock(this.clock.now() + 1_000);
    this.running = null;
  }

  /** Runs work to its end, letting time pass while it waits, or until the process ends. */
  async drive<T>(work: () => Promise<T>): Promise<Answer<T>> {
    const { disk, clock } = this;
    let answer: Answer<T> | null = null;
    // An answer that comes after the process ended was never given.
    const take = (given: Answer<T>): void => void (disk.crashed || (answer = given));
    work().then(
      (value) => take({ value }),
      (error: unknown) => take({ error }),
    );
    for (let step = 0; step < STEPS_MAX; step += 1) {
      await settle();
      if (answer !== null) return answer;
      if (disk.crashed) return 'lost';
      await clock.advance(STEP_MS);
    }
    throw new Error(`no answer after ${(STEPS_MAX * STEP_MS) / 1_000} s of virtual time`);
  }
}
