/**
 * How long a failure counts as temporary. Pure.
 * A check without grace is taken at its word. With it, a failure is temporary until it has lasted that long, and critical from then on.
 */
import type { HealthStatus } from '@sluice/sdk';
import { isFailure } from './statuses.js';

/** The status to report. @param failingForMs time since the first failure that no success followed; 0 for the first. */
export function afterGrace(status: HealthStatus, graceMs: number | undefined, failingForMs: number): HealthStatus {
  if (graceMs === undefined || !isFailure(status)) return status;
  if (failingForMs < graceMs) return 'TEMPORARILY_UNAVAILABLE';
  return status === 'TEMPORARILY_UNAVAILABLE' ? 'CRITICAL' : status;
}
