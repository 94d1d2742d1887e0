/**
 * The swap protocol without the engine around it, small enough for ten thousand seeds in a test run: store, journal, pointer and recovery as
 * they are, driven step by step (store the blob, begin, commit, point, done) through crashes and disk faults. What must have survived is
 * told from the answers alone.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { isSluiceError } from '@sluice/sdk';
import type { Persistence } from '@sluice/kernel/host/persistence';
import type { BundleContent, JournalRecord } from '@sluice/kernel/host/ports';
import { digestsInUse, recover } from '@sluice/kernel/host/recovery';
import { digestOf } from '@sluice/kernel/host/store';
import { SimulatedDisk, type DiskErrorCode } from '@sluice/kernel/testing';
import { seeded } from '../verify/random.js';
import { openState, type Mutations } from './simulated-host.js';

/** What a simulation came to. */
export interface ProtocolResult {
  readonly seed: number;
  readonly problems: readonly string[];
  readonly traceHash: string;
  readonly crashes: number;
  readonly faults: number;
  readonly commits: number;
}

type Contents = ReadonlyMap<number, BundleContent>;

const BUNDLES_MAX = 3;
const STEPS_MAX = 5;
const FAILED_BOOTS_MAX = 3;
const ERROR_CODES: readonly DiskErrorCode[] = ['ENOSPC', 'EIO', 'EMFILE', 'EROFS'];

/** No time passes; a pause of the store is a step of the simulation. */
const STANDING = { setTimeout: () => ({ cancel: () => undefined }) };

/** Simulates one life of a data folder. */
export async function simulateProtocol(seed: number, mutations: Mutations = {}): Promise<ProtocolResult> {
  const simulation = new ProtocolSimulation(seed, mutations);
  try {
    await simulation.run();
  } catch (error) {
    simulation.problem(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return simulation.result();
}

class ProtocolSimulation {
  readonly #random: () => number;
  readonly #hash = createHash('sha256');
  readonly #problems: string[] = [];
  readonly #figures = { crashes: 0, faults: 0, commits: 0 };
  #disk: SimulatedDisk;
  #opened: Persistence | null = null;
  /** What the bundles may be now; more than one only when an answer was lost. */
  #possible: readonly Contents[] = [new Map()];
  /** Changes that may be without `done`: after too many failed starts, recovery takes one of them back. */
  #open: readonly { readonly ids: readonly number[]; readonly before: Contents }[] = [];
  #generation = 0;
  #failedStarts = 0;
  #changes = 0;
  #names = 0;

  constructor(
    private readonly seed: number,
    private readonly mutations: Mutations,
  ) {
    this.#random = seeded(seed);
    this.#disk = this.#watched(new SimulatedDisk(this.#random));
  }

  #watched(disk: SimulatedDisk): SimulatedDisk {
    disk.onOperation = ({ number, kind, path, bytes }, outcome) => {
      if (outcome !== 'ok') this.#figures[outcome === 'crash' ? 'crashes' : 'faults'] += 1;
      this.#hash.update(`${number} ${kind} ${path} ${bytes} ${outcome}\n`);
    };
    return disk;
  }

  result(): ProtocolResult {
    return { seed: this.seed, problems: this.#problems, traceHash: this.#hash.copy().digest('hex'), ...this.#figures };
  }

  problem(text: string): void {
    this.#problems.push(text);
  }

  async run(): Promise<void> {
    await this.#start();
    const steps = 1 + this.#below(STEPS_MAX);
    for (let step = 0; step < steps && this.#problems.length === 0; step += 1) {
      this.#trouble(0.3);
      await this.#change();
      this.#disk.decide = () => undefined;
      if (this.#disk.crashed || this.#opened?.journal.poisoned === true || this.#random() < 0.1) await this.#restart();
    }
    if (this.#problems.length === 0) await this.#restart();
  }

  /** With some likelihood, one of the next operations fails or ends the process. */
  #trouble(likelihood: number): void {
    const kind = this.#random();
    if (kind >= likelihood) return;
    const at = this.#disk.count + 1 + this.#below(25);
    const verdict = kind < likelihood / 2 ? 'crash' : (ERROR_CODES[this.#below(ERROR_CODES.length)] as DiskErrorCode);
    // A start takes a blob that the disk does not give back for lost: that is tested elsewhere.
    this.#disk.decide = ({ number, kind: operation, path }) =>
      number === at && (verdict === 'crash' || !(operation === 'exists' || path.includes('/blobs/'))) ? verdict : undefined;
  }

  /** Work of the process that may end in the middle of it. False when it did not come to its end. */
  async #alive(work: () => Promise<void>): Promise<boolean> {
    const { crash } = this.#disk;
    const isDone = await Promise.race([
      work().then(
        () => true,
        (error: unknown) => {
          if (!isSluiceError(error)) throw error;
          return false;
        },
      ),
      crash.then(() => false),
    ]);
    return isDone && !this.#disk.crashed;
  }

  /** One change of one to five bundles, as the life cycle does it. */
  async #change(): Promise<void> {
    const { store, journal, pointer, tidy } = this.#running();
    const deployId = `change-${++this.#changes}`;
    const { generation } = journal.view.state;
    const old = this.#possible[0] as Contents;
    const next = new Map(old);
    const count = this.#random() < 0.1 ? 5 : 1;
    const blobs: Buffer[] = [];
    for (let index = 0; index < count; index += 1) {
      const bundleId = 1 + this.#below(BUNDLES_MAX) + index;
      if (count === 1 && old.has(bundleId) && this.#random() < 0.15) next.delete(bundleId);
      else {
        const blob = Buffer.from(`content of ${bundleId} in ${deployId} `.repeat(1 + this.#below(6)));
        blobs.push(blob);
        next.set(bundleId, { digest: digestOf(blob), version: deployId });
      }
    }
    const isStored = await this.#alive(async () => void (await Promise.all(blobs.map((blob) => store.put(blob)))));
    if (!isStored) return;
    const changed = [...new Set([...old.keys(), ...next.keys()])].filter((id) => old.get(id) !== next.get(id));
    const changes = changed.map((bundleId) => {
      const [from, to] = [old.get(bundleId) ?? null, next.get(bundleId) ?? null];
      return { symbolicName: `bundle.${bundleId}`, bundleId, from, to, autostart: true, startLevel: 50 };
    });
    const write = (records: JournalRecord | readonly JournalRecord[]): Promise<boolean> => this.#alive(() => journal.append(records));
    const begin = { type: 'begin', at: 1, deployId, kind: 'deploy', actor: 'simulation', baseGeneration: generation, changes } as const;
    if (!(await write(begin))) return;
    if (this.#random() < 0.2)
      return void (await write({ type: 'abort', at: 2, deployId, error: { code: 'NOT_HEALTHY', message: 'by chance' } }));
    if (!(await write({ type: 'commit', at: 3, deployId, generation: generation + 1 }))) {
      this.#possible = [old, next];
      this.#open = [...this.#open, { ids: changed, before: old }];
      return;
    }
    this.#figures.commits += 1;
    this.#possible = [next];
    // A later change of the same bundle settles an open one.
    const others = this.#open.filter(({ ids }) => !ids.some((id) => changed.includes(id)));
    this.#open = [...others, { ids: changed, before: old }];
    this.#generation = generation + 1;
    pointer.note(generation + 1);
    // Probation goes on or is over; what nothing can return to is removed.
    if (this.#random() < 0.7 && (await write({ type: 'done', at: 4, deployId, outcome: 'confirmed' }))) this.#open = others;
    // A pause in which the store makes its files.
    if (this.#random() < 0.4) await this.#alive(() => store.settled());
    if (this.#random() < 0.3) await this.#alive(tidy);
    // The clock stands still, so files of their own are made when it is asked for.
    if (this.#random() < 0.3) await this.#alive(() => store.settled());
    await this.#alive(() => pointer.settled());
  }

  async #restart(): Promise<void> {
    this.#disk = this.#watched(this.#disk.afterCrash(this.#random() < 0.5 ? 'power' : 'process'));
    await this.#start();
  }

  /** Starts until a start succeeds, and compares what it finds with what was answered. */
  async #start(): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      if (attempt < 6) this.#trouble(0.3);
      const isUp = await this.#alive(async () => {
        this.#opened = await openState(this.#disk, this.mutations, {
          now: () => 9,
          compactAtBytes: 3_000,
          newName: () => String(++this.#names).padStart(6, '0'),
          clock: STANDING,
        });
        const { journal, recovery } = this.#opened;
        await journal.append([...recovery.append, { type: 'boot', at: 10 }]);
        if (this.#random() < 0.2) return this.#disk.crashNow();
        if (!isDeepStrictEqual(recovery.state, journal.view.state)) this.problem('what recovery brings up is not what the journal wants');
        await journal.append({ type: 'booted', at: 11, generation: recovery.state.generation });
        await this.#opened.tidy();
      });
      this.#disk.decide = () => undefined;
      if (isUp) break;
      this.#failedStarts += 1;
      if (this.#failedStarts >= FAILED_BOOTS_MAX)
        this.#possible = [...this.#possible, ...this.#possible.flatMap((one) => this.#givenUp(one))];
      this.#disk = this.#watched(this.#disk.afterCrash(this.#random() < 0.5 ? 'power' : 'process'));
    }
    this.#failedStarts = 0;
    await this.#check();
  }

  /** One of the open changes is taken back. */
  #givenUp(now: Contents): Contents[] {
    return this.#open.map(({ ids, before }) => {
      const contents = new Map(now);
      for (const id of ids) {
        const content = before.get(id);
        if (content === undefined) contents.delete(id);
        else contents.set(id, content);
      }
      return contents;
    });
  }

  async #check(): Promise<void> {
    const { journal, store, recovery } = this.#running();
    const { state } = journal.view;
    const found = new Map(state.bundles.map(({ bundleId, digest, version }) => [bundleId, { digest, version }]));
    const fitting = this.#possible.filter((one) => textOf(one) === textOf(found));
    if (fitting.length === 0) this.problem(`found ${textOf(found)}, possible: ${this.#possible.map(textOf).join(' or ')}`);
    this.#possible = [found];
    if (state.generation < this.#generation) this.problem(`generation ${state.generation} after ${this.#generation}`);
    this.#generation = state.generation;
    const again = recover(journal.view, { now: 0, hasBlob: () => true, pointer: null });
    if (again.append.length > 0) this.problem(`a second recovery would append ${JSON.stringify(again.append)}`);
    for (const { code, message } of recovery.alarms) if (code !== 'BOOT_FAILED_REPEATEDLY') this.problem(message);
    const inUse = digestsInUse(journal.view);
    // What runs, and what a rollback returns to.
    for (const digest of inUse) await store.get(digest);
    const orphans = (await store.list()).filter((digest) => !inUse.has(digest));
    if (orphans.length > 0) this.problem(`${orphans.length} blobs that nothing can return to after a start`);
  }

  #running(): Persistence {
    if (this.#opened === null) throw new Error('nothing is open');
    return this.#opened;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}

function textOf(contents: Contents): string {
  const lines = [...contents]
    .sort(([a], [b]) => a - b)
    .map(([bundleId, { version, digest }]) => `${bundleId} ${version} ${digest.slice(0, 8)}`);
  return lines.length === 0 ? 'nothing' : lines.join(', ');
}
