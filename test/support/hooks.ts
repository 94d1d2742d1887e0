/**
 * Root hooks of the suite: a leak guard. After each file's tests the process must have no more listeners on `process`, and no more
 * active servers and timers of ours, than before.
 */
import 'reflect-metadata';
import { strict as assert } from 'node:assert';

const WATCHED = ['uncaughtException', 'unhandledRejection', 'exit', 'SIGTERM', 'SIGINT', 'warning'] as const;

function listenerCounts(): Record<string, number> {
  return Object.fromEntries(WATCHED.map((event) => [event, process.listenerCount(event)]));
}

function serverCount(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPServerWrap' || kind === 'PipeServerWrap').length;
}

let before: { listeners: Record<string, number>; servers: number } | null = null;

/** Picked up by mocha's --require. */
export const mochaHooks = {
  beforeAll(): void {
    before ??= { listeners: listenerCounts(), servers: serverCount() };
  },
  afterAll(): void {
    if (before === null) return;
    assert.deepEqual({ listeners: listenerCounts(), servers: serverCount() }, before, 'listeners or servers were left over by the suite');
  },
};
