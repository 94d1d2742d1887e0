/** Health checks after the whiteboard pattern; the statuses are those of Felix Health Checks. */
import { localContract } from './contract.js';

/** From good to bad. `HEALTH_CHECK_ERROR`: the check itself failed. */
export type HealthStatus = 'OK' | 'WARN' | 'TEMPORARILY_UNAVAILABLE' | 'CRITICAL' | 'HEALTH_CHECK_ERROR';

/** Answer of a check. */
export interface HealthResult {
  readonly status: HealthStatus;
  readonly message?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A whiteboard service. In a swap the new revision's own checks must not be worse than `WARN`. */
export interface HealthCheckService {
  readonly name: string;
  /** `liveness`: the process should be replaced when it fails; `readiness`: it should get no traffic. Default `readiness`. */
  readonly tags?: readonly ('liveness' | 'readiness')[];
  /** How long a failure is reported as TEMPORARILY_UNAVAILABLE before it becomes CRITICAL, milliseconds. Default 0. */
  readonly graceMs?: number;
  readonly timeoutMs?: number;
  check(signal: AbortSignal): HealthResult | Promise<HealthResult>;
}

/** Whiteboard contract of health checks. */
export const HealthCheck = localContract<HealthCheckService>('sluice.health.Check', '1.0.0', []);

/** Result of one check in a report. */
export interface HealthReportEntry extends HealthResult {
  readonly bundle: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly durationMs: number;
}

/** Runs checks on demand. */
export interface HealthService {
  /** @param select only checks with this tag, or of this bundle. */
  report(select?: {
    tag?: 'liveness' | 'readiness';
    bundle?: string;
  }): Promise<{ readonly status: HealthStatus; readonly checks: readonly HealthReportEntry[] }>;
}

/** Contract of the health service. */
export const Health = localContract<HealthService>('sluice.health.Health', '1.0.0', ['report']);
