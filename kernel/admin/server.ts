/**
 * The admin server: HTTP over a Unix socket that only the owner of the data folder can open and, when asked for, over TCP with tokens. Owns the
 * sockets and the open streams; what requests mean is in requests.ts and handlers.ts, who may send them in access.ts. A change goes on when
 * its client leaves; its outcome can be asked again by deploy id.
 */
import { randomUUID } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { codeOf, SluiceError } from '@sluice/sdk';
import type { ChangeOptions, Runtime } from '../lifecycle/runtime.js';
import type { AdminTrust } from '../trust/ports.js';
import type { Principal } from '../trust/roles.js';
import { assertMayAsk } from './access.js';
import { adminSocketPath, sharedSocketFolder } from './address.js';
import {
  ENDPOINTS,
  PROBLEM_MEDIA_TYPE,
  STREAM_MEDIA_TYPE,
  type AdminProblem,
  type ChangeLine,
  type ChangeOutcome,
  type FollowLine,
  type LogLine,
  type RuntimeEvent,
} from './contract.js';
import { CHANGE_HANDLERS, FOLLOW_HANDLERS, JSON_HANDLERS, type Call, type ChangeName, type FollowName } from './handlers.js';
import { SOCKET_GATEKEEPER, tokenGatekeeper, type Gatekeeper } from './gatekeeper.js';
import { takeIn } from './intake.js';
import { assertSafe, openListener, type AdminListener, type AdminListenOptions } from './listener.js';
import { maySee, narrowed } from './narrowing.js';
import { problemOf } from './problems.js';
import { RequestRecorder, type RecordedAction } from './recording.js';
import { changeOptions, matchRequest, readJson, type MatchedRequest } from './requests.js';
import { targetIn } from './trust-handlers.js';

export type { AdminListenOptions } from './listener.js';

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
  /** Where it listens on TCP; null when it does not. */
  readonly url: string | null;
  close(): Promise<void>;
}

/** What the server serves and where. */
export interface AdminServerOptions {
  readonly runtime: Runtime;
  readonly trust: AdminTrust;
  readonly dataFolder: string;
  /** Listen on TCP too. */
  readonly listen?: AdminListenOptions;
}

/** What every request needs. */
interface Service {
  readonly runtime: Runtime;
  readonly trust: AdminTrust;
  readonly recorder: RequestRecorder;
  readonly streams: Set<ServerResponse>;
}

/**
 * Starts the admin server of a data folder. The caller holds the lock of the folder, so a socket found there is a dead one.
 * @throws SluiceError `ADMIN_SOCKET_FAILED`, `ADMIN_TLS_REQUIRED`, `ADMIN_TLS_INVALID`, `ADMIN_LISTEN_FAILED`.
 */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const { runtime, trust, dataFolder, listen } = options;
  if (listen !== undefined) assertSafe(listen);
  const path = adminSocketPath(dataFolder);
  const service: Service = { runtime, trust, recorder: new RequestRecorder(trust.audit), streams: new Set() };
  const handler =
    (gatekeeper: Gatekeeper) =>
    (request: IncomingMessage, response: ServerResponse): void =>
      void serve(service, gatekeeper, request, response);
  const server = createServer(handler(SOCKET_GATEKEEPER));
  bound(server);
  try {
    prepareFolder(dataFolder);
    rmSync(path, { force: true });
    await listenPrivately(server, path);
  } catch (cause) {
    throw new SluiceError('ADMIN_SOCKET_FAILED', `Cannot open the admin socket '${path}': ${(cause as Error).message}`, {
      details: { path },
      cause,
      remedy: 'Check the owner and the rights of the folder',
    });
  }
  let listener: AdminListener | null = null;
  try {
    if (listen !== undefined) listener = await openListener(listen, (isOwnHost) => handler(tokenGatekeeper(trust.office, isOwnHost)));
  } catch (error) {
    await close([server], service, path);
    throw error;
  }
  if (listener !== null) bound(listener.server);
  trust.listens(listener?.url ?? null);
  const servers = listener === null ? [server] : [listener.server, server];
  return { path, url: listener?.url ?? null, close: () => close(servers, service, path) };
}

function bound(server: Server): void {
  server.maxConnections = CONNECTIONS_MAX;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
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

async function close(servers: readonly Server[], { streams, recorder }: Service, path: string): Promise<void> {
  const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
  for (const stream of streams) stream.end();
  for (const server of servers) server.closeIdleConnections();
  const cut = setTimeout(() => {
    for (const server of servers) server.closeAllConnections();
  }, CLOSE_GRACE_MS);
  await Promise.all(closed);
  clearTimeout(cut);
  await recorder.settle().catch(() => undefined);
  rmSync(path, { force: true });
}

async function serve(service: Service, gatekeeper: Gatekeeper, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const who: { principal: Principal | null; action: string; target: string } = {
    principal: null,
    action: request.method ?? '',
    target: '',
  };
  try {
    gatekeeper.checkOrigin(request);
    const claimed = new URL(request.url ?? '/', 'http://localhost').searchParams.get('actor') ?? '';
    const principal = (who.principal = gatekeeper.principal(request, claimed === '' ? 'unknown' : claimed));
    const matched = matchRequest(request.method ?? '', request.url ?? '');
    who.action = matched.name;
    who.target = matched.bundle;
    await answer(service, principal, matched, request, response);
  } catch (error) {
    await recordRefusal(service, who, error);
    sendProblem(request, response, problemOf(error));
  }
}

async function answer(
  service: Service,
  principal: Principal,
  matched: MatchedRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { runtime, trust } = service;
  const { name, endpoint, bundle, query } = matched;
  assertMayAsk(principal, matched, runtime);
  const intake = await takeIn(request, matched, principal, trust.shelf);
  const call: Call = { runtime, trust, principal, intake, request, bundle, query };
  if (endpoint.answer === 'follow') return follow(name as FollowName, call, service.streams, response);
  if (endpoint.answer === 'change') return change(service, name as ChangeName, call, response);
  const run = async (): Promise<unknown> => JSON_HANDLERS[name as keyof typeof JSON_HANDLERS](call);
  // Looking is not an action, but forcing collections is.
  const isAction = endpoint.method !== 'GET' || query['collect'] === true;
  const action = isAction ? await actionOf(matched, call) : null;
  const value = action === null ? await run() : await service.recorder.around(principal, action, run, () => ({ outcome: 'done' }));
  sendJson(response, 200, narrowed(name, value, principal));
}

async function actionOf({ name, endpoint, bundle }: MatchedRequest, { request, intake }: Call): Promise<RecordedAction> {
  const body = endpoint.body === 'json' ? targetIn(await readJson(request)) : '';
  const target = [bundle, ...intake.names, body].filter((part) => part !== '').join(' ');
  return { action: name, target, digests: intake.digests };
}

/** Only who may not is recorded here: what is malformed was no action, and what failed has its own record. */
async function recordRefusal(
  { recorder }: Service,
  { principal, action, target }: { principal: Principal | null; action: string; target: string },
  error: unknown,
): Promise<void> {
  const code = codeOf(error);
  if (!/^(ACCESS_REFUSED|TOKEN_(REQUIRED|UNKNOWN|EXPIRED|REVOKED)|ADMIN_(HOST|ORIGIN)_REFUSED)$/.test(code)) return;
  // Token codes also tell that a named token does not exist; then there is a principal and the action has its own record.
  if (code.startsWith('TOKEN_') && principal !== null) return;
  // A refusal stays one when it cannot be recorded; the next action is refused for that.
  await recorder.refused(principal, { action, target }, code).catch(() => undefined);
}

async function change(service: Service, name: ChangeName, call: Call, response: ServerResponse): Promise<void> {
  const { signatures } = call.intake;
  const read = changeOptions(call.query);
  const deployId = read.deployId ?? randomUUID();
  const options = { ...read, deployId, actor: call.principal.name, ...(signatures.length === 0 ? {} : { signatures }) };
  if (!(call.request.headers.accept ?? '').includes(STREAM_MEDIA_TYPE)) {
    const outcome = await recordedChange(service, name, call, options);
    return sendJson(response, statusOf(outcome), outcome);
  }
  const send = (line: ChangeLine): void => {
    if (!response.headersSent) response.writeHead(200, { 'content-type': STREAM_MEDIA_TYPE, 'cache-control': 'no-store' });
    if (!response.destroyed) response.write(`${jsonOf(line)}\n`);
  };
  try {
    const progress: ChangeOptions['progress'] = (event) => send({ type: 'progress', event });
    send({ type: 'result', value: await recordedChange(service, name, call, { ...options, progress }) });
  } catch (error) {
    // Before the first line the answer can still have the right status.
    if (!response.headersSent) throw error;
    send({ type: 'problem', problem: problemOf(error) });
  }
  response.end();
}

/** Changes that look at `dryRun`. */
const PLANNABLE: ReadonlySet<ChangeName> = new Set([
  ...(['deploy', 'deployRelease', 'rollbackRelease', 'install', 'update', 'start', 'stop', 'uninstall', 'rollback'] as const),
]);

/** A plan changes nothing and is not recorded. */
async function recordedChange(
  { trust, recorder }: Service,
  name: ChangeName,
  call: Call,
  options: ChangeOptions & { readonly deployId: string },
) {
  const run = (): Promise<ChangeOutcome> => CHANGE_HANDLERS[name](call, options);
  if (options.dryRun === true && PLANNABLE.has(name)) return run();
  const matched = { name, endpoint: ENDPOINTS[name], bundle: call.bundle, query: call.query };
  trust.requested.add(options.deployId);
  try {
    return await recorder.around(call.principal, await actionOf(matched, call), run, endOf);
  } finally {
    trust.requested.delete(options.deployId);
  }
}

function endOf({ outcome, deployId, error, plan }: ChangeOutcome): { outcome: string; code?: string; target?: string } {
  const names = plan.changes.map(({ symbolicName }) => symbolicName).join(' ');
  return {
    outcome: `${outcome} ${deployId}`,
    ...(error === undefined ? {} : { code: error.code }),
    ...(names === '' ? {} : { target: names }),
  };
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
    if (!maySee(value as LogLine | RuntimeEvent, call.principal)) return;
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
    ...(problem.status === 401 ? { 'www-authenticate': 'Bearer realm="sluice"' } : {}),
    ...(problem.status === 405 ? { allow: (problem.details['allowed'] as string[]).join(', ') } : {}),
  });
  response.end(body);
}

/** Properties of services are the bundles' own; a bigint among them must not break the listing. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? part.toString() : part));
}
