/**
 * One contender in a process of its own. Tells its parent where it listens and, when asked, how much processor time a request took: in
 * short windows, of which the quietest tenth is answered. Other work on the machine disturbs most windows of a run, but hardly all.
 */
import { subscribe } from 'node:diagnostics_channel';
import { CONTENDERS } from './contenders.js';

const WINDOW_MS = 50;
const REQUESTS_MIN = 20;

let requests = 0;
let windows: number[] = [];
let last = { requests: 0, cpuUs: 0 };

subscribe('http.server.request.start', () => {
  requests += 1;
});

setInterval(() => {
  const { user, system } = process.cpuUsage();
  const now = { requests, cpuUs: user + system };
  const served = now.requests - last.requests;
  if (served >= REQUESTS_MIN) windows.push((now.cpuUs - last.cpuUs) / served);
  last = now;
}, WINDOW_MS).unref();

process.on('message', (message) => {
  if (message === 'begin') windows = [];
  else process.send?.({ cpuUs: windows.sort((left, right) => left - right)[Math.floor(windows.length / 10)] ?? NaN });
});
process.once('disconnect', () => process.exit(0));

void CONTENDERS[process.argv[2] ?? '']?.().then((started) => process.send?.(started));
