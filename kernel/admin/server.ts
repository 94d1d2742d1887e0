/**
 * The admin server: HTTP over a Unix socket that only the owner of the data folder can open. Owns the socket and the open streams;
 * what requests mean is in requests.ts and handlers.ts. A change goes on when its client leaves; its outcome can be asked again by deploy id.
 */
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { SluiceError } from '@sluice/sdk';
import type { Runtime } from '../lifecycle/runtime.js';
import { adminSocketPath, sharedSocketFolder } from './address.js';
import {
  PROBLEM_MEDIA_TYPE,
  STREAM_MEDIA_TYPE,
  type AdminProblem,
  type ChangeLine,
  type ChangeOutcome,
  type FollowLine,
} from './contract.js';
import { CHANGE_HANDLERS, FOLLOW_HANDLERS, JSON_HANDLERS, type Call, type ChangeName, type FollowName } from './handlers.js';
import { problemOf } from './problems.js';
import { changeOptions, checkOrigin, matchRequest } from './requests.js';

/** Clients at once. Each costs a buffer; nobody needs more than a few. */
const CONNECTIONS_MAX = 64;
/** Bytes a slow reader of a stream may leave unread before lines are dropped for it. */
const UNREAD_BYTES_MAX = 1024 * 1024;
/** Longest upload of a request. */
const REQUEST_TIMEOUT_MS = 120_000;
/** How long open requests may go on when the server closes. */
const CLOSE_GRACE_MS = 2_000;

/** A running admin server. */
export interface AdminServer {
  /** Path of the socket. */
  readonly path: string;
  close(): Promise<void>;
}

/**
 * Starts the admin server of a data folder. The caller holds the lock of the folder, so a socket found there is a dead one.
 * @throws SluiceError `ADMIN_SOCKET_FAILED`.
 */
export async function startAdminServer(options: { readonly runtime: Runtime; readonly dataFolder: string }): Promise<AdminServer> {
  const path = adminSocketPath(options.dataFolder);
  const streams = new Set<ServerResponse>();
  const server = createServer((request, response) => void serve(options.runtime, streams, request, response));
  server.maxConnections = CONNECTIONS_MAX;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  try {
    prepareFolder(options.dataFolder);
    rmSync(path, { force: true });
    await listenPrivately(server, path);
  } catch (cause) {
    throw new SluiceError('ADMIN_SOCKET_FAILED', `Cannot open the admin socket '${path}': ${(cause as Error).message}`, {
      details: { path },
      cause,
      remedy: 'Check the owner and the rights of the folder',
    });
  }
  return { path, close: () => close(server, streams, path) };
}

function prepareFolder(dataFolder: string): void {
  const folder = sharedSocketFolder(dataFolder);
  if (folder === undefined) return;
  mkdirSync(folder, { mode: 0o700, recursive: true });
  const { uid, mode } = lstatSync(folder);
  // Anybody can make folders in the place for temporary files: one of another owner could be a trap.
  if (uid !== process.getuid?.() || (mode & 0o077) !== 0) throw new Error(`'${folder}' belongs to somebody else or is open to others`);
}

async function listenPrivately(server: Server, path: string): Promise<void> {
  // The socket file is made inside listen(), so no instant passes with the rights of the process.
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
      process.umask(before);
    });
  } finally {
    process.umask(before);
  }
  chmodSync(path, 0o600);
}

async function close(server: Server, streams: ReadonlySet<ServerResponse>, path: string): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const stream of streams) stream.end();
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await closed;
  clearTimeout(cut);
  rmSync(path, { force: true });
}

async function serve(runtime: Runtime, streams: Set<ServerResponse>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    checkOrigin(request);
    const { name, endpoint, bundle, query } = matchRequest(request.method ?? '', request.url ?? '');
    const call: Call = { runtime, request, bundle, query };
    if (endpoint.answer === 'follow') return follow(name as FollowName, call, streams, response);
    if (endpoint.answer === 'change') return await change(name as ChangeName, call, response);
    sendJson(response, 200, await JSON_HANDLERS[name as keyof typeof JSON_HANDLERS](call));
  } catch (error) {
    sendProblem(request, response, problemOf(error));
  }
}

async function change(name: ChangeName, call: Call, response: ServerResponse): Promise<void> {
  const options = changeOptions(call.query);
  if (!(call.request.headers.accept ?? '').includes(STREAM_MEDIA_TYPE)) {
    const outcome = await CHANGE_HANDLERS[name](call, options);
    return sendJson(response, statusOf(outcome), outcome);
  }
  const send = (line: ChangeLine): void => {
    if (!response.headersSent) response.writeHead(200, { 'content-type': STREAM_MEDIA_TYPE, 'cache-control': 'no-store' });
    if (!response.destroyed) response.write(`${jsonOf(line)}\n`);
  };
  try {
    send({
      type: 'result',
      value: await CHANGE_HANDLERS[name](call, { ...options, progress: (event) => send({ type: 'progress', event }) }),
    });
  } catch (error) {
    // Before the first line the answer can still have the right status.
    if (!response.headersSent) throw error;
    send({ type: 'problem', problem: problemOf(error) });
  }
  response.end();
}

function statusOf(outcome: ChangeOutcome): number {
  if (outcome.outcome === 'rolled-back') return 422;
  if (outcome.outcome !== 'refused') return 200;
  return outcome.error !== undefined && /_(CONFLICT|BUSY)$/.test(outcome.error.code) ? 409 : 422;
}

function follow(name: FollowName, call: Call, streams: Set<ServerResponse>, response: ServerResponse): void {
  let dropped = 0;
  const write = (line: FollowLine<unknown>): void => void response.write(`${jsonOf(line)}\n`);
  const send = (value: unknown): void => {
    if (response.writableLength > UNREAD_BYTES_MAX) return void (dropped += 1);
    if (dropped > 0) write({ type: 'dropped', count: dropped });
    dropped = 0;
    write({ type: 'line', value });
  };
  response.writeHead(200, { 'content-type': STREAM_MEDIA_TYPE, 'cache-control': 'no-store' });
  response.flushHeaders();
  streams.add(response);
  const undo = FOLLOW_HANDLERS[name](call, send);
  response.on('close', () => {
    streams.delete(response);
    undo();
  });
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = jsonOf(value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(body);
}

function sendProblem(request: IncomingMessage, response: ServerResponse, problem: AdminProblem): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  const body = jsonOf(problem);
  response.writeHead(problem.status, {
    'content-type': PROBLEM_MEDIA_TYPE,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    // The rest of a body that nobody will read must not be taken for the next request.
    ...(request.complete ? {} : { connection: 'close' }),
    ...(problem.status === 405 ? { allow: (problem.details['allowed'] as string[]).join(', ') } : {}),
  });
  response.end(body);
}

/** Properties of services are the bundles' own; a bigint among them must not break the listing. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? part.toString() : part));
}
