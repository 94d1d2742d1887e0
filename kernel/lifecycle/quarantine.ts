/**
 * Bundles the kernel stopped because they failed too often, or because they held everything up: stopped with a reason, told to operators,
 * started again only when somebody says so (or with the process).
 */
import { HealthCheck, type HealthCheckService, type SluiceError } from '@sluice/sdk';
import { problemOf, type Bundle } from './bundle.js';
import type { KernelState } from './kernel-state.js';

/** Code of the error of a quarantined bundle. */
const QUARANTINED = 'ISOLATION_QUARANTINED';

/** A bundle that must not start because of what it did to the process before. */
export interface BootQuarantine {
  readonly bundle: string;
  readonly version: string;
  readonly error: SluiceError;
}

/** True for a bundle that starts only when somebody says so. */
export function isQuarantined(bundle: Bundle): boolean {
  return bundle.error?.code === QUARANTINED;
}

/** Keeps a bundle down that the process before was ended for; another version of it is another matter. */
export function quarantineAtBoot(state: KernelState, { bundle: name, version, error }: BootQuarantine): void {
  const bundle = state.inOrder().find((one) => one.symbolicName === name && one.version === version);
  if (bundle !== undefined) markQuarantined(state, bundle, error);
}

/** Notes why a bundle was stopped, and tells it: in `why`, as an alarm, as an event, to health. */
export function markQuarantined(state: KernelState, bundle: Bundle, reason: SluiceError): void {
  const problem = { ...problemOf(reason), code: QUARANTINED };
  bundle.error = problem;
  // Stopped for now; what is wanted of it has not changed.
  bundle.autostart = true;
  bundle.remember(state.clock.now(), `quarantined: ${reason.message}`);
  state.raiseAlarm(problem);
  state.emit('QUARANTINED', bundle.symbolicName, reason.message);
  showInHealth(state);
}

const shown = new WeakSet<KernelState>();

/** The check exists while something is quarantined: without one, no deploy asks for it. */
function showInHealth(state: KernelState): void {
  if (shown.has(state)) return;
  shown.add(state);
  const names = (): readonly string[] =>
    state
      .inOrder()
      .filter(isQuarantined)
      .map(({ symbolicName }) => symbolicName);
  const check: HealthCheckService = {
    name: 'quarantine',
    check: () => ({ status: 'WARN', message: `quarantined: ${names().join(', ')}`, details: { bundles: names() } }),
  };
  const registration = state.registry.register(state.owner, HealthCheck, check, {}, null);
  const unlisten = state.listen(() => {
    if (state.startLevel > 0 && names().length > 0) return;
    unlisten();
    shown.delete(state);
    registration.unregister();
  });
}
