/**
 * One revision that runs in a tier of its own. To the life cycle it is a bundle like any other: a definition whose activator starts the
 * guest, and whose registrations are made in the bundle's name, in its stage and its scope. So swaps, gates, drains and releases are the
 * ones of every bundle.
 * Owns the guest and its replacement when it fails; leaves to the kernel what becomes of a bundle that fails too often.
 */
import { defineBundle, messageOf, SluiceError, type BundleContext, type BundleDefinition, type Timer } from '@sluice/sdk';
import type { GuestOrder } from '../host/ports.js';
import { assertCrosses } from './crossing.js';
import { ForwardedServices } from './forwarded-services.js';
import type { GuestEnd, GuestLimits } from './guest-link.js';
import { GuestRun } from './guest-run.js';
import type { GuestRequest, IsolationPorts } from './isolation-ports.js';
import { MirroredServices } from './mirrored-services.js';
import type { IncomingCall, Peer } from './peer.js';
import { statementsOf } from './lent-data.js';
import type { ExportedService, LoadAnswer, Parcel } from './protocol.js';
import { RestartBudget } from './restart-budget.js';

/** Wait for the guest's own end before it is ended by force; the bundle's deactivator has its limit inside. */
const END_SLACK_MS = 500;

/** See the head of the file. */
export class RemoteBundle {
  readonly definition: BundleDefinition;
  private context: BundleContext | null = null;
  private run: GuestRun | null = null;
  private answer: LoadAnswer | null = null;
  private mirrored: MirroredServices | null = null;
  private forwarded: ForwardedServices | null = null;
  private readonly budget = new RestartBudget();
  private restart: Timer | null = null;
  /** The first refusal of a registration while the bundle starts. */
  private refusal: unknown;
  private state: 'new' | 'starting' | 'running' | 'ending' = 'new';
  private lastFailure: SluiceError | null = null;

  constructor(
    private readonly request: GuestRequest,
    private readonly limits: GuestLimits,
    private readonly ports: IsolationPorts,
  ) {
    const handover = (): BundleDefinition['state'] => this.handover();
    this.definition = Object.defineProperty(
      defineBundle({ activate: (context) => this.activate(context), deactivate: () => this.deactivate() }),
      'state',
      // Known once the guest has loaded the code.
      { get: handover },
    );
  }

  private get tier(): GuestOrder['tier'] {
    return this.request.guest.tier;
  }

  /** The guest, while one runs. */
  get guest(): GuestRun | null {
    return this.run;
  }

  /** Null while no guest runs. */
  get peer(): Peer | null {
    return this.run?.peer ?? null;
  }

  /** The guest, told of everything that happened before a call. */
  forCall(): Peer | null {
    this.mirrored?.flush();
    return this.peer;
  }

  remainingMs(): number {
    return this.request.hooks.remainingMs?.() ?? Number.POSITIVE_INFINITY;
  }

  /** The error of calls while no guest runs. */
  unavailable(what: string): SluiceError {
    const { symbolicName: bundle } = this.request.manifest;
    return new SluiceError('SERVICE_UNAVAILABLE', `${what} cannot be called: '${bundle}' is being started again in its tier`, {
      details: { bundle, tier: this.tier, ...(this.lastFailure === null ? {} : { after: this.lastFailure.message }) },
      remedy: 'Try again.',
      retryable: true,
      httpStatus: 503,
    });
  }

  private async activate(context: BundleContext): Promise<void> {
    this.context = context;
    this.state = 'starting';
    // Owned first, so that it is undone last: registrations go before the guest does.
    context.own(`guest in tier ${this.tier}`, () => this.terminate());
    const run = this.launch();
    const answer = await run.load(this.request);
    this.answer = answer;
    const { symbolicName } = context.bundle;
    for (const facts of answer.provides) assertCrosses(symbolicName, this.tier, facts, 'provides');
    for (const facts of answer.requires) assertCrosses(symbolicName, this.tier, facts, 'requires');
    this.forwarded = new ForwardedServices(context, this, answer.provides);
    const statements = statementsOf(this.request.guest);
    this.mirrored = new MirroredServices(context, this, statements, (message, details) => context.log.warn(message, details));
    this.mirrored.follow(answer.requires);
    this.mirrored.flush();
    context.onConfigChange((config) => this.run?.configure(config));
    await run.start(context.config);
    if (this.refusal !== undefined) throw this.refusal as Error;
    this.state = 'running';
  }

  private async deactivate(): Promise<void> {
    this.state = 'ending';
    this.restart?.cancel();
    const { run, context } = this;
    if (run === null || context === null) return;
    const { left, error } = await run.end(this.endLimitMs());
    if (left.length > 0 || error !== null) context.log.warn('The bundle ended in its tier, but not cleanly', { left, error });
  }

  private endLimitMs(): number {
    return Math.max(END_SLACK_MS, this.request.guest.stopTimeoutMs - END_SLACK_MS);
  }

  private async terminate(): Promise<void> {
    this.state = 'ending';
    this.restart?.cancel();
    const { run } = this;
    this.run = null;
    await run?.terminate();
    this.context = null;
    this.mirrored = null;
    this.forwarded = null;
  }

  private launch(): GuestRun {
    const { ports, tier, limits, request } = this;
    const run = new GuestRun(request.manifest.symbolicName, tier, limits, ports, {
      serve: (call) => this.serve(call),
      log: (level, message, fields) => this.context?.log[level === 'fatal' ? 'error' : level](message, fields),
      output: (text) => request.hooks.print('info', text),
      ended: (end) => this.guestEnded(run, end),
    });
    this.run = run;
    return run;
  }

  /** What a guest may ask of this side. It may be hostile: nothing else is reached by name. */
  private serve(call: IncomingCall): unknown {
    const { mirrored, forwarded } = this;
    if (mirrored === null || forwarded === null) throw this.unavailable(`'${call.method}'`);
    if (call.target.kind === 'service') return mirrored.call(call);
    const [first, second] = call.args;
    switch (call.method) {
      case 'register':
        return this.whileStarting(() => forwarded.register(first as ExportedService));
      case 'setProperties':
        return forwarded.setProperties(first as number, second as Parcel);
      case 'unregister':
        return forwarded.unregister(first as number);
      default:
        throw new SluiceError('METHOD_MISSING', `The host has no method '${call.method}'`, { details: { method: call.method } });
    }
  }

  // Inline, a refused registration throws in the activator. Here it comes when the activator has gone on, and fails the start.
  private whileStarting(register: () => void): void {
    try {
      register();
    } catch (error) {
      if (this.state === 'starting') this.refusal ??= error;
      else this.context?.log.error('A service could not be registered', { error });
    }
  }

  private guestEnded(run: GuestRun, end: GuestEnd): void {
    if (run !== this.run || this.state === 'ending') return;
    this.run = null;
    // Before it ran, whoever waits for the start gets the error.
    if (this.state !== 'running') return;
    const failure = this.failureOf(end);
    this.lastFailure = failure;
    this.forwarded?.orphan();
    const waitMs = this.budget.failed(this.ports.clock.monotonic());
    if (waitMs === null) return this.giveUp(failure);
    this.context?.log.error(`${failure.message}; it is started again`, { code: failure.code, waitMs });
    this.restart = this.ports.clock.setTimeout(() => void this.startAgain(), waitMs);
  }

  private async startAgain(): Promise<void> {
    const { context, mirrored, forwarded } = this;
    if (this.state !== 'running' || context === null) return;
    const run = this.launch();
    try {
      await run.load(this.request);
      mirrored?.tellAll();
      await run.start(context.config);
      forwarded?.dropOrphans();
      context.log.info(`Started again in tier ${this.tier}`, { guest: run.label });
    } catch (error) {
      // A guest that ended has been counted by its end.
      if (run !== this.run) return;
      this.run = null;
      await run.terminate();
      this.guestFailedToStart(error);
    }
  }

  private guestFailedToStart(error: unknown): void {
    this.forwarded?.orphan();
    const waitMs = this.budget.failed(this.ports.clock.monotonic());
    const failure = this.failureOf({ kind: 'error', message: messageOf(error), cause: error });
    if (waitMs === null) return this.giveUp(failure);
    this.restart = this.ports.clock.setTimeout(() => void this.startAgain(), waitMs);
  }

  private giveUp(failure: SluiceError): void {
    this.request.hooks.failed?.(
      new SluiceError('ISOLATION_QUARANTINED', `${failure.message}, for the fifth time within a minute`, {
        cause: failure,
        details: failure.details,
        remedy: `Deploy a version that does not, or try once more with 'sluice start ${this.request.manifest.symbolicName}'.`,
      }),
    );
  }

  private failureOf({ kind, message, cause }: GuestEnd): SluiceError {
    const { symbolicName: bundle, versionText: version } = this.request.manifest;
    return new SluiceError('ISOLATION_GUEST_FAILED', `'${bundle}' ${version} failed in tier ${this.tier}: ${message}`, {
      cause,
      details: { bundle, version, tier: this.tier, kind },
      retryable: true,
      httpStatus: 503,
    });
  }

  private handover(): BundleDefinition['state'] {
    const { run, answer } = this;
    if (run === null || answer?.handsOverState !== true) return undefined;
    return {
      exportState: (stateVersion) => run.exportState(stateVersion),
      importState: (state, stateVersion) => run.importState(state, stateVersion),
    };
  }
}
