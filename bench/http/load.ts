/**
 * A load generator: keep-alive connections that each ask again as soon as they are answered.
 * Runs in a process of its own, so that it takes no time from the server it measures.
 */
import { connect, type Socket } from 'node:net';

/** What one run found. */
export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly longestMs: number;
  readonly failed: number;
}

interface Order {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  /** Requests before counting begins: until then the server's code is still being compiled. */
  readonly warmUpRequests: number;
  readonly durationMs: number;
}

process.on('message', (order: Order) => void run(order).then((result) => process.send?.(result)));
process.once('disconnect', () => process.exit(0));

async function run(order: Order): Promise<LoadResult> {
  const latencies: number[] = [];
  const state: State = { answered: 0, counting: false, stopped: false, failed: 0 };
  const request = Buffer.from(`GET ${order.path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n`);
  const sockets = Array.from({ length: order.connections }, () => client(order.port, request, state, latencies));
  keepAwake(state);
  while (state.answered < order.warmUpRequests) await delay(20);
  process.send?.('counting');
  state.counting = true;
  const startedAt = performance.now();
  await delay(order.durationMs);
  state.counting = false;
  const seconds = (performance.now() - startedAt) / 1_000;
  state.stopped = true;
  for (const socket of sockets) socket.destroy();
  latencies.sort((left, right) => left - right);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? NaN;
  return {
    requests: latencies.length,
    perSecond: latencies.length / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    longestMs: latencies.at(-1) ?? NaN,
    failed: state.failed,
  };
}

/**
 * Keeps the process from sleeping between answers. A server's write to a sleeping client wakes it, which takes some 10 us of the server's
 * time, and the more the slower the server is: the client would be measured as well.
 */
function keepAwake(state: State): void {
  if (!state.stopped) setImmediate(() => keepAwake(state));
}

interface State {
  answered: number;
  counting: boolean;
  stopped: boolean;
  failed: number;
}

function client(port: number, request: Buffer, state: State, latencies: number[]): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  let askedAt = 0;
  let received = '';
  const ask = (): void => {
    askedAt = performance.now();
    socket.write(request);
  };
  socket.once('connect', ask);
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
    const head = received.indexOf('\r\n\r\n');
    if (head === -1) return;
    const length = Number(/content-length: (\d+)/i.exec(received)?.[1] ?? 0);
    if (received.length < head + 4 + length) return;
    if (!received.startsWith('HTTP/1.1 200')) state.failed += 1;
    received = '';
    state.answered += 1;
    if (state.counting) latencies.push(performance.now() - askedAt);
    if (!state.stopped) ask();
  });
  socket.on('error', () => {
    if (!state.stopped) state.failed += 1;
  });
  return socket;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
