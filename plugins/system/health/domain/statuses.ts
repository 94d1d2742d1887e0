/** The five statuses from good to bad, and what a probe makes of them. Pure. */
import type { HealthStatus } from '@sluice/sdk';

const FROM_GOOD_TO_BAD: readonly HealthStatus[] = ['OK', 'WARN', 'TEMPORARILY_UNAVAILABLE', 'CRITICAL', 'HEALTH_CHECK_ERROR'];

/** The worst of several statuses; `OK` of none. */
export function worstOf(statuses: Iterable<HealthStatus>): HealthStatus {
  let worst = 0;
  for (const status of statuses) worst = Math.max(worst, FROM_GOOD_TO_BAD.indexOf(status));
  return FROM_GOOD_TO_BAD[worst] as HealthStatus;
}

/** True for a status of ours. */
export function isStatus(value: unknown): value is HealthStatus {
  return FROM_GOOD_TO_BAD.includes(value as HealthStatus);
}

/** True when a check fails: worse than `WARN`. */
export function isFailure(status: HealthStatus): boolean {
  return FROM_GOOD_TO_BAD.indexOf(status) > FROM_GOOD_TO_BAD.indexOf('WARN');
}

/** True when the process can be given traffic. */
export function isReady(status: HealthStatus): boolean {
  return !isFailure(status);
}

/** True when replacing the process would not help, or not yet: what is unavailable for a while recovers by itself. */
export function isAlive(status: HealthStatus): boolean {
  return !isFailure(status) || status === 'TEMPORARILY_UNAVAILABLE';
}
