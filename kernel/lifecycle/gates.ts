/**
 * What new revisions must pass before they take over, while the ones before still serve. Throwing refuses the change; nothing is changed here.
 */
import { HealthCheck, isSluiceError, messageOf, SluiceError, type HealthResult, type HealthStatus } from '@sluice/sdk';
import type { RevisionOwner, Stage } from '../registry/index.js';
import type { KernelState } from './kernel-state.js';
import { withLimit } from './limit.js';
import type { Revision } from './revision.js';

/** Longest run of all publishers' checks and of the health gate. */
const GATE_TIMEOUT_MS = 10_000;
/** Statuses with which a new revision may take over. */
const ACCEPTABLE: readonly HealthStatus[] = ['OK', 'WARN'];

/** The publishers of the staged services check and probe them. */
export async function publisherGate({ registry, clock, version }: KernelState, stage: Stage): Promise<void> {
  if (!registry.concernsPublishers(stage)) return;
  const subject = { bundle: 'kernel', version, activity: 'the check of staged services by their publishers' };
  await withSignal((signal) =>
    withLimit(clock, subject, GATE_TIMEOUT_MS, async () => {
      await registry.prepare(stage, signal);
      await registry.probe(stage, signal);
    }),
  );
}

/** A component that is active now must not be unsatisfied in the revision that takes over. */
export function componentGate(members: readonly { readonly old: Revision | null; readonly revision: Revision | null }[]): void {
  for (const { old, revision } of members) {
    if (old === null || revision === null) continue;
    const active = new Set(old.components().flatMap(({ name, state }) => (state === 'active' ? [name] : [])));
    for (const { name, state, reason } of revision.components()) {
      if (state === 'active' || !active.has(name)) continue;
      throw new SluiceError(
        'COMPONENT_UNSATISFIED',
        `Component '${name}' of '${revision.symbolicName}' ${revision.version} is ${state}, but active in ${old.version}${reason === undefined ? '' : `: ${reason}`}`,
        {
          details: { bundle: revision.symbolicName, version: revision.version, component: name, state },
          remedy: 'Deploy what it needs together with it; the revision before keeps serving.',
        },
      );
    }
  }
}

/** The health checks that the new revisions registered must pass. */
export async function healthGate(state: KernelState, stage: Stage, owners: readonly RevisionOwner[]): Promise<void> {
  if (state.registry.find(HealthCheck, undefined, stage).length === 0) return;
  await withSignal((signal) => checkHealth(state, stage, owners, signal));
}

async function checkHealth(state: KernelState, stage: Stage, owners: readonly RevisionOwner[], signal: AbortSignal): Promise<void> {
  const names = new Set(owners.map((owner) => `${owner.symbolicName}@${owner.version}`));
  const checks = state.registry.list(state.owner, HealthCheck, undefined, stage);
  try {
    for (const { service, view } of checks.list.entries()) {
      if (!names.has(`${view.bundle}@${view.bundleVersion}`)) continue;
      const subject = { bundle: view.bundle, version: view.bundleVersion, activity: `health check '${service.name}'` };
      const result = await withLimit(state.clock, subject, service.timeoutMs ?? GATE_TIMEOUT_MS, () => service.check(signal)).catch(
        checkError,
      );
      if (ACCEPTABLE.includes(result.status)) continue;
      throw new SluiceError(
        'HEALTH_GATE_FAILED',
        `'${view.bundle}' ${view.bundleVersion} is not healthy: check '${service.name}' says ${result.status}${result.message === undefined ? '' : `, ${result.message}`}`,
        {
          details: { bundle: view.bundle, version: view.bundleVersion, check: service.name, status: result.status, ...result.details },
          remedy: 'The revision before keeps serving. Mend what the check names and deploy again.',
        },
      );
    }
  } finally {
    checks.close();
  }
}

/** A check that throws says no more than one that answers with an error; a time-out names who did not answer. */
function checkError(error: unknown): HealthResult {
  if (isSluiceError(error)) throw error;
  return { status: 'HEALTH_CHECK_ERROR', message: messageOf(error) };
}

/** Hands work a signal that is aborted when the work is over, however it ends. */
async function withSignal(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const aborted = new AbortController();
  try {
    await work(aborted.signal);
  } finally {
    aborted.abort();
  }
}
