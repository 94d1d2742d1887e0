/** Handlers and surroundings for tests of the event bundle. */
import type { Entry, EventHandlerService, EventMessage, ServiceView } from '@sluice/sdk';
import { VirtualClock } from '@sluice/kernel/testing/virtual-clock';
import { HandlerTable, type TableLimits } from '../../../../plugins/system/events/domain/handler-table.js';

let nextId = 1;

/** The view of a handler of a bundle version. */
export function viewOf(bundle: string, bundleVersion = '1.0.0'): ServiceView {
  return { id: nextId++, contractId: 'sluice.events.Handler', contractVersion: '1.0.0', bundle, bundleVersion, ranking: 0, properties: {} };
}

/** A handler whose events the test sees, and whose runs it may hold open. */
export class Recorder implements EventHandlerService {
  readonly seen: string[] = [];
  readonly events: EventMessage[] = [];
  readonly open = new Map<string, () => void>();
  hold = false;
  failure: Error | null = null;
  delivery: 'transient' | 'durable' = 'transient';
  timeoutMs?: number;

  constructor(
    readonly topic: string,
    readonly name: string,
    more: { delivery?: 'transient' | 'durable'; timeoutMs?: number } = {},
  ) {
    Object.assign(this, more);
  }

  handle(event: EventMessage): void | Promise<void> {
    this.seen.push(`${event.key}:${String((event.payload as { n?: number }).n ?? event.id)}`);
    this.events.push(event);
    if (this.failure !== null) throw this.failure;
    if (this.hold) return new Promise((resolve) => this.open.set(event.key, resolve));
  }
}

/** A table on virtual time. */
export function setupTable(limits: Partial<TableLimits> = {}) {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const entries: string[] = [];
  const line = (level: string) => (message: string, fields?: Record<string, unknown>) =>
    void lines.push(`${level} ${String(fields?.['code'] ?? '')} ${message}`);
  const log = { info: line('info'), warn: line('warn'), error: line('error') };
  const begin = (kind: string, bundle: string, version: string, timeoutMs?: number): Entry => {
    entries.push(`begin ${kind} ${bundle} ${version} ${timeoutMs}`);
    return {
      generation: 1,
      deadline: Infinity,
      run: (code) => code(),
      end: (outcome) => void entries.push(`end ${bundle} ${version} failed=${outcome?.failed}`),
    };
  };
  const table = new HandlerTable({ clock, log, entries: { begin } }, { queueMax: 100, parallelMax: 4, timeoutMs: 10_000, ...limits });
  return { clock, lines, entries, log, table };
}
