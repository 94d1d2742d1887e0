/**
 * One simulated life of a kernel, determined by a seed: random commands, scripted bundles, disk faults, the process ending between any two
 * operations of the disk, and restarts. After each step and each restart everything that must hold is checked; what does not is a problem.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { isSluiceError } from '@sluice/sdk';
import { openPersistence } from '@sluice/kernel/host/persistence';
import { digestsInUse, recover } from '@sluice/kernel/host/recovery';
import type { ChangeOutcome } from '@sluice/kernel/lifecycle/runtime';
import { settle, type DiskErrorCode, type DiskOperation } from '@sluice/kernel/testing';
import { seeded } from '../verify/random.js';
import {
  ARTIFACTS,
  BUNDLES,
  CONSUMER,
  followScript,
  PROVIDER,
  SHOWN,
  type Behaviour,
  type Moment,
  type ScriptedArtifact,
} from './scripted-bundles.js';
import { SimulatedHost, type Answer, type Mutations, type Running } from './simulated-host.js';
import {
  atLevel,
  autostarted,
  deployed,
  expired,
  failed,
  givenUp,
  NOTHING,
  rolledBack,
  shown,
  UNCHANGED,
  uninstalled,
  type Effect,
  type Wanted,
} from './wanted.js';

/** How to simulate. */
export interface SimulationOptions {
  readonly seed: number;
  /** Mistakes planted between kernel and disk. */
  readonly mutations?: Mutations;
  /** Keep the lines of the trace. */
  readonly keepTrace?: boolean;
}

/** What a simulation came to. */
export interface SimulationResult {
  readonly seed: number;
  readonly problems: readonly string[];
  /** Of everything that was done and answered: equal seeds give equal hashes. */
  readonly traceHash: string;
  readonly trace: readonly string[];
  readonly counts: SimulationCounts;
}

/** How much happened. */
export interface SimulationCounts {
  commands: number;
  committed: number;
  restarts: number;
  powerCuts: number;
  faults: number;
  diskOperations: number;
}

const STEPS_MAX = 14;
const ERROR_CODES: readonly DiskErrorCode[] = ['ENOSPC', 'EIO', 'EMFILE', 'EROFS'];
/** Starts that are tried before a disk is left in peace. */
const STARTS_MAX = 8;
const FAILED_BOOTS_MAX = 3;

interface Command {
  readonly label: string;
  readonly effect: Effect;
  run(running: Running): Promise<ChangeOutcome>;
}

/** Simulates one life. */
export async function simulateKernel(options: SimulationOptions): Promise<SimulationResult> {
  const simulation = new KernelSimulation(options);
  try {
    await simulation.run();
  } catch (error) {
    simulation.problem(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    followScript(null);
  }
  return simulation.result();
}

class KernelSimulation {
  readonly #seed: number;
  readonly #random: () => number;
  readonly #host: SimulatedHost;
  readonly #hash = createHash('sha256');
  readonly #trace: string[] | null;
  readonly #problems: string[] = [];
  readonly #counts: SimulationCounts = { commands: 0, committed: 0, restarts: 0, powerCuts: 0, faults: 0, diskOperations: 0 };
  #candidates: readonly Wanted[] = [NOTHING];
  /** Highest generation that anybody was told. */
  #generation = 0;
  /** Starts since one succeeded. */
  #failedStarts = 0;
  /** Revisions that live, by name; of this process. */
  #alive = new Map<string, number>();
  /** Bundles whose start failed where nothing kept an older one running. */
  #down = new Set<string>();
  /** How likely a bundle misbehaves. */
  #misbehaving = 0;
  /** Set while bundles are started one by one, without an older revision that goes on. */
  #isBringingUp = false;
  #entries: { end(outcome: { failed: boolean }): void }[] = [];

  constructor({ seed, mutations, keepTrace }: SimulationOptions) {
    this.#seed = seed;
    this.#random = seeded(seed);
    this.#trace = keepTrace === true ? [] : null;
    this.#host = new SimulatedHost(this.#random, (operation, outcome) => this.#observe(operation, outcome), mutations);
  }

  result(): SimulationResult {
    const problems = this.#problems;
    return { seed: this.#seed, problems, traceHash: this.#hash.copy().digest('hex'), trace: this.#trace ?? [], counts: this.#counts };
  }

  problem(text: string): void {
    this.#note(`problem: ${text}`);
    this.#problems.push(text);
  }

  #note(line: string): void {
    this.#hash.update(`${line}\n`);
    this.#trace?.push(line);
  }

  #observe({ number, kind, path, bytes }: DiskOperation, outcome: string): void {
    this.#counts.diskOperations += 1;
    if (outcome !== 'ok') this.#counts.faults += 1;
    this.#note(`  ${number} ${kind} ${path}${bytes > 0 ? ` ${bytes} bytes` : ''}${outcome === 'ok' ? '' : ` -> ${outcome}`}`);
  }

  async run(): Promise<void> {
    await this.#start();
    const steps = 1 + this.#below(STEPS_MAX);
    for (let step = 0; step < steps && this.#problems.length === 0; step += 1) await this.#step();
    if (this.#problems.length === 0) await this.#end();
  }

  async #step(): Promise<void> {
    this.#misbehaving = this.#chance(0.3) ? 0.25 : 0;
    const trouble = this.#random();
    if (trouble < 0.12) this.#crashSoon();
    else if (trouble < 0.27) this.#failSoon();
    const kind = this.#random();
    if (kind < 0.75) await this.#commands();
    else if (kind < 0.85) await this.#traffic();
    else if (kind < 0.95) await this.#timePasses();
    else await this.#restart();
    await this.#idle();
    this.#host.disk.decide = () => undefined;
    this.#misbehaving = 0;
    await this.#settleStep();
  }

  /** Waits for what runs behind the answers, such as the end of a trial: a command of the kernel's queue that does nothing. */
  async #idle(): Promise<void> {
    if (this.#host.disk.crashed) return;
    await this.#host.drive(() =>
      this.#running()
        .kernel.backup('/nowhere')
        .catch(() => undefined),
    );
  }

  /** The process ends in the middle of one of the next operations. */
  #crashSoon(): void {
    const { disk } = this.#host;
    const last = disk.count + 1 + this.#below(30);
    disk.decide = ({ number }) => (number === last ? 'crash' : undefined);
  }

  /** One of the next operations fails, or all for a while. */
  #failSoon(): void {
    const { disk } = this.#host;
    const code = this.#pick(ERROR_CODES);
    const from = disk.count + 1 + this.#below(25);
    const to = from + (this.#chance(0.6) ? 1 : this.#below(40));
    disk.decide = (operation) => (operation.number >= from && operation.number < to && canFail(operation, code) ? code : undefined);
  }

  /** One command, or several at once: they queue. */
  async #commands(): Promise<void> {
    const count = this.#chance(0.2) ? 2 + this.#below(2) : 1;
    const commands = Array.from({ length: count }, () => this.#command());
    for (const { label } of commands) this.#note(label);
    await this.#perform(commands);
  }

  #command(): Command {
    const bundle = this.#pick(BUNDLES);
    const options = {
      actor: 'simulation',
      drainMs: 2_000,
      ...(this.#chance(0.5) ? { watchMs: 0 } : this.#chance(0.5) ? { watchMs: 3_000 } : {}),
    };
    const kind = this.#random();
    if (kind < 0.5) {
      const artifacts = this.#artifacts();
      const bytes = artifacts.map((one) => one.bytes);
      const isTemporary = this.#chance(0.15);
      return {
        label: `deploy ${isTemporary ? 'for a time ' : ''}${labelOf(artifacts)}`,
        effect: deployed(artifacts, true, this.#down, isTemporary),
        run: ({ kernel }) => kernel.deploy(bytes, isTemporary ? { ...options, confirmWithinMs: 4_000 } : options),
      };
    }
    if (kind < 0.56) {
      const artifacts = this.#artifacts();
      const bytes = artifacts.map((one) => one.bytes);
      return {
        label: `install ${labelOf(artifacts)}`,
        effect: deployed(artifacts, false),
        run: ({ kernel }) => kernel.install(bytes, options),
      };
    }
    if (kind < 0.64)
      return { label: `stop ${bundle}`, effect: autostarted(bundle, false), run: ({ kernel }) => kernel.stop(bundle, options) };
    if (kind < 0.72)
      return { label: `start ${bundle}`, effect: autostarted(bundle, true), run: ({ kernel }) => kernel.start(bundle, options) };
    if (kind < 0.77)
      return { label: `uninstall ${bundle}`, effect: uninstalled(bundle), run: ({ kernel }) => kernel.uninstall(bundle, options) };
    if (kind < 0.87)
      return { label: `rollback ${bundle}`, effect: rolledBack(bundle), run: ({ kernel }) => kernel.rollback(bundle, options) };
    if (kind < 0.92) {
      const artifact = this.#pick(ARTIFACTS[bundle] ?? []);
      const effect = deployed([artifact], null, this.#down);
      return { label: `update ${labelOf([artifact])}`, effect, run: ({ kernel }) => kernel.update(artifact.bytes, options) };
    }
    if (kind < 0.96) return { label: 'confirm', effect: UNCHANGED, run: ({ kernel }) => kernel.confirm('simulation') };
    const level = this.#pick([20, 60, 100]);
    return { label: `start level ${level}`, effect: atLevel(level), run: ({ kernel }) => kernel.setStartLevel(level, options) };
  }

  /** One to three bundles; sometimes enough for the store to write them as a batch. */
  #artifacts(): ScriptedArtifact[] {
    const count = this.#chance(0.15) ? BUNDLES.length : 1 + this.#below(3);
    const names = [...BUNDLES].sort(() => this.#random() - 0.5).slice(0, count);
    return names.map((name) => this.#pick(ARTIFACTS[name] ?? []));
  }

  async #perform(commands: readonly Command[]): Promise<void> {
    const running = this.#running();
    const { disk } = this.#host;
    this.#isBringingUp = commands.some(({ label }) => /^(start|update)/.test(label));
    const answers: Answer<ChangeOutcome>[] = commands.map(() => 'lost');
    const answer = (index: number, given: Answer<ChangeOutcome>): void => void (disk.crashed || (answers[index] = given));
    await this.#host.drive(() =>
      Promise.all(
        commands.map((command, index) =>
          command.run(running).then(
            (value) => answer(index, { value }),
            (error: unknown) => answer(index, { error }),
          ),
        ),
      ),
    );
    this.#isBringingUp = false;
    for (const [index, command] of commands.entries()) this.#take(command, answers[index] ?? 'lost');
  }

  /** Draws from an answer what may be the case now. */
  #take({ label, effect }: Command, answer: Answer<ChangeOutcome>): void {
    this.#counts.commands += 1;
    const applied = this.#candidates.flatMap(effect);
    if (answer === 'lost') {
      this.#note(`${label}: lost`);
      this.#candidates = [...this.#candidates, ...applied];
      return;
    }
    if ('error' in answer) {
      this.#note(`${label}: ${codeOf(answer.error)}`);
      this.#checkError(label, answer.error);
      if (codeOf(answer.error).startsWith('STORE_BLOB')) this.problem(`${label}: ${String(answer.error)}`);
      // Only a failed write of the journal leaves open what was decided.
      if (this.#running().persistence.journal.poisoned) this.#candidates = [...this.#candidates, ...applied];
      return;
    }
    const { outcome, generation, error } = answer.value;
    this.#note(`${label}: ${outcome} ${error?.code ?? ''} generation ${generation}`);
    if (error !== undefined && outcome === 'refused') this.#checkProblem(label, error);
    this.#generation = Math.max(this.#generation, generation);
    if (outcome !== 'committed' && outcome !== 'rolled-back') return;
    this.#counts.committed += 1;
    this.#candidates = applied;
  }

  /** Requests on one bundle, well or failing; some stay open over the next commands. */
  async #traffic(): Promise<void> {
    const { kernel } = this.#running();
    const bundle = this.#pick(BUNDLES);
    const isFailing = this.#chance(0.6);
    this.#note(`traffic on ${bundle}, ${isFailing ? 'failing' : 'well'}`);
    const { entries } = kernel.state;
    await this.#host.drive(async () => {
      for (let count = 0; count < 12; count += 1) entries.begin('request', bundle, '0.0.0').end({ failed: isFailing });
      if (this.#chance(0.3)) this.#entries.push(entries.begin('request', bundle, '0.0.0'));
      await settle();
    });
    if (isFailing) this.#candidates = this.#candidates.flatMap(failed(bundle === CONSUMER ? [CONSUMER, PROVIDER] : [bundle]));
  }

  async #timePasses(): Promise<void> {
    const byMs = this.#pick([500, 3_000, 40_000]);
    this.#note(`${byMs} ms pass`);
    this.#endEntries();
    await this.#host.clock.advance(byMs);
  }

  #endEntries(): void {
    for (const entry of this.#entries) entry.end({ failed: false });
    this.#entries = [];
  }

  /** Stops the kernel in order and starts it again. */
  async #restart(): Promise<void> {
    this.#note('shutdown');
    this.#endEntries();
    await this.#shutdown();
    if (!this.#host.disk.crashed) this.#host.crash(this.#chance(0.5) ? 'process' : 'power');
    await this.#start();
  }

  /** After a step: what ended is started again, what runs is checked. */
  async #settleStep(): Promise<void> {
    const { disk } = this.#host;
    if (!disk.crashed && this.#running().persistence.journal.poisoned) {
      this.#note('the journal takes nothing any more');
      this.#checkRunning(false);
      await this.#checkRefusal();
      disk.crashNow();
    }
    if (!disk.crashed && this.#chance(0.08)) disk.crashNow();
    if (!disk.crashed) return this.#checkRunning(true);
    this.#entries = [];
    this.#crash();
    await this.#start();
  }

  #crash(): void {
    const kind = this.#chance(0.5) ? 'power' : 'process';
    this.#note(`the process ends (${kind})`);
    if (kind === 'power') this.#counts.powerCuts += 1;
    this.#host.crash(kind);
  }

  /** Whoever asks after a failed write of the journal is refused, with what to do. */
  async #checkRefusal(): Promise<void> {
    const artifact = this.#pick(ARTIFACTS['sim.alpha'] ?? []);
    const answer = await this.#host.drive(() => this.#running().kernel.deploy([artifact.bytes], { actor: 'simulation', watchMs: 0 }));
    if (answer === 'lost') return;
    if (!('error' in answer)) return this.problem(`a poisoned journal, and a deploy is ${answer.value.outcome}`);
    if (codeOf(answer.error) !== 'JOURNAL_POISONED') this.problem(`expected JOURNAL_POISONED, found ${String(answer.error)}`);
    this.#checkError('deploy after a failed write', answer.error);
  }

  /** Starts until a start succeeds, as a supervisor does, then checks what came up. */
  async #start(): Promise<void> {
    this.#counts.restarts += 1;
    for (let attempt = 1; ; attempt += 1) {
      const { disk } = this.#host;
      this.#followProcess();
      this.#misbehaving = this.#chance(0.1) ? 0.15 : 0;
      const trouble = this.#random();
      if (attempt < STARTS_MAX && trouble < 0.15) this.#crashSoon();
      else if (attempt < STARTS_MAX && trouble < 0.25) this.#failSoon();
      this.#isBringingUp = true;
      const answer = await this.#host.boot();
      this.#isBringingUp = false;
      disk.decide = () => undefined;
      if (answer !== 'lost' && 'value' in answer && !disk.crashed) break;
      this.#failedStarts += 1;
      if (this.#failedStarts >= FAILED_BOOTS_MAX) this.#candidates = [...this.#candidates, ...this.#candidates.flatMap(givenUp)];
      if (answer !== 'lost' && 'error' in answer) {
        this.#note(`start failed: ${codeOf(answer.error)}`);
        if (attempt >= STARTS_MAX) throw answer.error;
        this.#checkError('start', answer.error);
      }
      this.#crash();
    }
    this.#failedStarts = 0;
    this.#misbehaving = 0;
    await this.#checkStarted();
  }

  #followProcess(): void {
    const alive = new Map<string, number>();
    this.#alive = alive;
    this.#down = new Set();
    followScript({
      behaviour: (bundle, version, moment) => this.#behaviour(bundle, version, moment),
      alive: (bundle, change) => {
        const count = (alive.get(bundle) ?? 0) + change;
        alive.set(bundle, count);
        if (count > 2) this.problem(`${count} revisions of ${bundle} live`);
      },
    });
  }

  #behaviour(bundle: string, version: string, moment: Moment): Behaviour {
    const chance = this.#misbehaving;
    const behaviour: Behaviour = chance === 0 || !this.#chance(chance) ? 'well' : this.#chance(0.7) ? 'throws' : 'hangs';
    if (behaviour !== 'well') this.#note(`  ${bundle} ${version} ${behaviour} at ${moment}`);
    if (behaviour !== 'well' && moment !== 'stop' && this.#isBringingUp) this.#down.add(bundle);
    return behaviour;
  }

  async #checkStarted(): Promise<void> {
    const { kernel, persistence } = this.#running();
    for (const { code, message } of kernel.state.alarms) {
      if (code === 'BLOB_LOST' || code === 'JOURNAL_BEHIND_POINTER') this.problem(`alarm at the start: ${message}`);
    }
    this.#checkRunning(true);
    for (const [name, count] of this.#alive) {
      const runs = kernel.bundles().some((bundle) => bundle.symbolicName === name && bundle.state === 'ACTIVE');
      if (count !== (runs ? 1 : 0)) this.problem(`${count} revisions of ${name} live after a start`);
    }
    const { journal, store } = persistence;
    // The one after the start may have met the fault of the start.
    const tidied = await this.#host.drive(() => new Promise<void>((done) => kernel.betweenChanges(() => persistence.tidy().finally(done))));
    if (tidied === 'lost') return;
    const again = recover(journal.view, { now: 0, hasBlob: () => true, pointer: null });
    if (again.append.length > 0) this.problem(`a second recovery would append ${JSON.stringify(again.append)}`);
    if (!isDeepStrictEqual(again.state, journal.view.state)) this.problem('a second recovery would change the state');
    const inUse = digestsInUse(journal.view);
    const orphans = (await store.list()).filter((digest) => !inUse.has(digest));
    if (orphans.length > 0) this.problem(`${orphans.length} orphan blobs after a start`);
  }

  /** What holds whenever no command runs. */
  #checkRunning(isSure: boolean): void {
    const { kernel, persistence } = this.#running();
    const { state } = persistence.journal.view;
    const bundles = kernel.bundles();
    const actual = new Map(bundles.map(({ symbolicName, version, autostart }) => [symbolicName, { version, autostart }]));
    const found = shown({ startLevel: state.startLevel, bundles: actual });
    const { generation } = kernel.state.registry;
    this.#note(`is: ${found}, generation ${generation}`);
    const desired = shown({ startLevel: state.startLevel, bundles: new Map(state.bundles.map((one) => [one.symbolicName, one])) });
    if (isSure && found !== desired) this.problem(`the kernel has ${found}, the journal wants ${desired}`);
    const fitting = this.#candidates.flatMap(expired).filter((candidate) => shown(candidate) === found);
    if (fitting.length === 0)
      this.problem(`found ${found}, possible were\n    ${[...new Set(this.#candidates.map(shown))].join('\n    ')}`);
    else if (isSure) this.#candidates = distinct(fitting);
    if (generation < this.#generation) this.problem(`generation ${generation} after ${this.#generation}`);
    if (isSure && generation !== state.generation)
      this.problem(`the kernel is at generation ${generation}, the journal at ${state.generation}`);
    this.#generation = Math.max(this.#generation, generation);
    this.#checkWhole();
  }

  /** Each bundle shows all of one version, or nothing. */
  #checkWhole(): void {
    const { kernel } = this.#running();
    const services = kernel.services();
    const { startLevel } = kernel.state;
    for (const { symbolicName, version, state, autostart, startLevel: level } of kernel.bundles()) {
      const own = services.filter(({ bundle, contract }) => bundle === symbolicName && (SHOWN as readonly string[]).includes(contract));
      const versions = own.map(({ bundleVersion }) => bundleVersion).join(' ');
      const expected = state === 'ACTIVE' ? `${version} ${version}` : '';
      if (versions !== expected) this.problem(`${symbolicName} is ${state} in ${version} and shows services of '${versions}'`);
      if (state !== 'ACTIVE' && state !== 'RESOLVED' && state !== 'INSTALLED') this.problem(`${symbolicName} rests in state ${state}`);
      const shallRun = autostart && level <= startLevel;
      if (state === 'ACTIVE' && !shallRun) this.problem(`${symbolicName} runs and should not`);
      if (state !== 'ACTIVE' && shallRun && !this.#down.has(symbolicName) && symbolicName !== CONSUMER)
        this.problem(`${symbolicName} should run and is ${state}`);
    }
  }

  /** Everything stops; nothing is left over; and starting again finds the same. */
  async #end(): Promise<void> {
    this.#note('end');
    this.#endEntries();
    const { kernel, empty, persistence } = this.#running();
    await this.#shutdown();
    const left = kernel.state.registry.counts();
    if (!isDeepStrictEqual(left, empty))
      this.problem(`left over after the end: ${JSON.stringify(left)}, at first ${JSON.stringify(empty)}`);
    if (this.#host.clock.pending > 0) this.problem(`${this.#host.clock.pending} timers left over`);
    if (kernel.state.entries.total > 0) this.problem(`${kernel.state.entries.total} entries left over`);
    for (const [name, count] of this.#alive) if (count !== 0) this.problem(`${count} revisions of ${name} live after the end`);
    const { view } = persistence.journal;
    this.#host.crash('power');
    const next = await openPersistence('/data', {
      now: () => 0,
      files: this.#host.disk,
      newName: () => 'looked-at',
      clock: this.#host.clock,
    });
    // Through JSON, as the journal keeps it: a key without a value is none.
    if (JSON.stringify(next.journal.view) !== JSON.stringify(view)) this.problem('the journal reads differently after a power cut');
  }

  async #shutdown(): Promise<void> {
    const answer = await this.#host.drive(() => this.#running().kernel.shutdown());
    if (answer !== 'lost' && 'error' in answer) this.problem(`shutdown failed: ${String(answer.error)}`);
  }

  #checkError(what: string, error: unknown): void {
    if (!isSluiceError(error)) this.problem(`${what}: an error without a code: ${error instanceof Error ? error.stack : String(error)}`);
    else this.#checkProblem(what, error);
  }

  #checkProblem(
    what: string,
    { code, message, remedy }: { readonly code: string; readonly message: string; readonly remedy?: string | undefined },
  ): void {
    if (message === '' || !/^[A-Z][A-Z0-9_]+$/.test(code)) this.problem(`${what}: code '${code}', message '${message}'`);
    if (remedy === undefined || remedy === '') this.problem(`${what}: ${code} does not say what to do: ${message}`);
  }

  #running(): Running {
    const { running } = this.#host;
    if (running === null) throw new Error('no kernel runs');
    return running;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)] as T;
  }
}

/** Which operations may answer with which error. */
function canFail({ kind, path }: DiskOperation, code: DiskErrorCode): boolean {
  // A start takes a blob that the disk does not give back for lost: that is tested elsewhere.
  if (kind === 'read' && code === 'EIO' && path.includes('/blobs/')) return false;
  switch (code) {
    case 'ENOSPC':
      return ['create', 'append', 'sync', 'rename', 'makeFolder'].includes(kind);
    case 'EMFILE':
      return ['create', 'read', 'list', 'syncFolder'].includes(kind);
    case 'EROFS':
      return ['create', 'rename', 'remove'].includes(kind);
    default:
      return kind !== 'exists';
  }
}

function labelOf(artifacts: readonly ScriptedArtifact[]): string {
  return artifacts.map(({ bundle, version }) => `${bundle} ${version}`).join(', ');
}

function codeOf(error: unknown): string {
  return isSluiceError(error) ? error.code : String(error);
}

function distinct(candidates: readonly Wanted[]): Wanted[] {
  const seen = new Map(candidates.map((one) => [JSON.stringify([...one.bundles, one.open]), one]));
  return [...seen.values()];
}
