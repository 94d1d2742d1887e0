/** Readiness of the database: a real query through the same queue as everybody's, and how long that queue is. */
import { codeOf, messageOf, type HealthCheckService, type HealthResult } from '@sluice/sdk';
import type { DataClock, DataSettings } from '../domain/settings.js';
import type { Engine, EngineStatus } from './engine.js';

/** A check waits less than a caller would, so that it reports trouble before callers meet it. */
const WAIT_MS = 1_000;
const TIMEOUT_MS = 3_000;

interface HealthParts {
  readonly engine: Engine;
  readonly clock: DataClock;
  readonly settings: Pick<DataSettings, 'waitingMax'>;
}

/** The check the data bundle registers. */
export function databaseHealth(parts: HealthParts): HealthCheckService {
  return { name: 'database', tags: ['readiness'], timeoutMs: TIMEOUT_MS, check: () => check(parts) };
}

async function check({ engine, clock, settings }: HealthParts): Promise<HealthResult> {
  const status = engine.status();
  const since = clock.monotonic();
  try {
    await engine.query({ bundle: 'system.data', waitMs: WAIT_MS }, 'SELECT 1 AS alive', []);
  } catch (error) {
    const busy = /_(TIMEOUT|FULL)$/.test(codeOf(error));
    return { status: busy ? 'TEMPORARILY_UNAVAILABLE' : 'CRITICAL', message: messageOf(error), details: detailsOf(status) };
  }
  const pingMs = Math.round((clock.monotonic() - since) * 10) / 10;
  const details = { ...detailsOf(status), pingMs };
  if (status.waiting * 2 > settings.waitingMax) {
    return { status: 'WARN', message: `${status.waiting} units of work wait for the database`, details };
  }
  return { status: 'OK', details };
}

function detailsOf(status: EngineStatus): Readonly<Record<string, unknown>> {
  return { dialect: status.dialect, version: status.version, waiting: status.waiting, holder: status.holder, note: status.note };
}
