/** Client and server of the admin protocol over a real socket: every method there and back, and the answers against their schemas. */
import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Ajv } from 'ajv';
import { SluiceError } from '@sluice/sdk';
import { AdminClient } from '@sluice/kernel/admin/client';
import { ENDPOINTS, type EndpointName, type FollowLine, type LogLine, type ProgressEvent } from '@sluice/kernel/admin/contract';
import { writeFrames } from '@sluice/kernel/admin/frames';
import { RESULT_SCHEMAS } from '@sluice/kernel/admin/schemas';
import type { AdminServer } from '@sluice/kernel/admin/server';
import { startTestServer } from './admin-server.js';
import { DESIRED_STATE, DETAIL, LINES, OUTCOME, RELEASE, ScriptedRuntime, STATUS } from './scripted-runtime.js';

const plainLines = LINES.map((line) => JSON.parse(JSON.stringify(line, (_k, v) => (typeof v === 'bigint' ? String(v) : v))) as LogLine);

describe('admin protocol', () => {
  let folder: string;
  let runtime: ScriptedRuntime;
  let server: AdminServer;
  let client: AdminClient;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-admin-'));
    runtime = new ScriptedRuntime();
    server = await startTestServer(runtime, folder);
    client = new AdminClient(folder, 'lin');
  });

  afterEach(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  it('answers every question with what the runtime says, in the shape of its schema', async () => {
    const status = await client.status();
    const answers: Partial<Record<EndpointName, unknown>> = {
      openapi: await client.openapi(),
      status,
      bundles: await client.bundles(),
      inspect: await client.inspect('core.ledger'),
      why: await client.why('core.ledger'),
      services: await client.services('core'),
      routes: await client.routes(),
      history: await client.history(3),
      releases: await client.releases(),
      desiredState: await client.desiredState(),
      artifactOf: await client.artifactOf('core.ledger'),
      figures: await client.figures(),
      dump: await client.dump({ heap: false }),
      leaks: await client.leaks({ collect: true }),
      logs: await client.logs({ bundle: 'core.ledger', level: 'warn', limit: 5, since: 1 }),
      configOf: await client.configOf('core.ledger'),
      configHistory: await client.configHistory('core.ledger'),
      configSet: await client.configSet('core.ledger', { set: { limit: 6, label: null }, unset: ['old'] }),
      backup: await client.backup('/tmp/backup.tar'),
      shutdown: await client.shutdown(),
    };
    const ajv = new Ajv({ strict: false });
    for (const [name, answer] of Object.entries(answers)) {
      const schema = JSON.parse(JSON.stringify(RESULT_SCHEMAS[name as EndpointName])) as object;
      ok(ajv.validate(schema, answer), `${name}: ${ajv.errorsText()}`);
    }
    deepStrictEqual(answers.status, {
      ...STATUS,
      trust: { policy: 'warn', auditHead: `0:${'0'.repeat(64)}`, adminUrl: null, unapproved: ['core.ledger 1.1.0'] },
    });
    deepStrictEqual(answers.inspect, DETAIL);
    deepStrictEqual(answers.releases, [RELEASE]);
    deepStrictEqual(answers.desiredState, DESIRED_STATE);
    deepStrictEqual(answers.logs, plainLines);
    deepStrictEqual(answers.shutdown, { stopping: true, pid: process.pid });
    deepStrictEqual(runtime.calls, [
      ['services', 'core'],
      ['history', 3],
      ['leaks', { collect: true }],
      ['logs', { bundle: 'core.ledger', level: 'warn', limit: 5, since: 1 }],
      ['configSet', 'core.ledger', { limit: 6, label: null, old: undefined }, 'lin'],
      ['shutdown'],
    ]);
  });

  it('carries every change with its options, reports progress and returns the outcome', async () => {
    const seen: ProgressEvent[] = [];
    const artifacts = [Buffer.from('one'), Buffer.from('two')];
    const all = { dryRun: true, deployId: 'd-9', baseGeneration: 7, watchMs: 0, drainMs: 100 };
    const outcomes = [
      await client.deploy(artifacts, { ...all, progress: (event) => void seen.push(event) }),
      await client.deployRelease({ name: 'bank', version: '1.0.0', bundles: [] }, artifacts, { confirmWithinMs: 60_000 }),
      await client.rollbackRelease(),
      await client.install(artifacts),
      await client.update(Buffer.from('one')),
      await client.start('core.ledger'),
      await client.stop('core.ledger'),
      await client.uninstall('core.ledger'),
      await client.rollback('core.ledger', { watchMs: 5 }),
      await client.confirm(),
      await client.setStartLevel(20),
    ];
    deepStrictEqual(outcomes, new Array(11).fill(OUTCOME));
    deepStrictEqual(seen, [
      { phase: 'stage', at: 1, bundle: 'core.ledger', message: 'stored' },
      { phase: 'switch', at: 2, message: 'switched' },
    ]);
    deepStrictEqual(runtime.calls, [
      ['deploy', ['one', 'two'], { actor: 'lin', ...all }],
      ['deployRelease', ['bank', 'one', 'two'], { actor: 'lin', confirmWithinMs: 60_000 }],
      ['rollbackRelease', null, { actor: 'lin' }],
      ['install', ['one', 'two'], { actor: 'lin' }],
      ['update', ['one'], { actor: 'lin' }],
      ['start', 'core.ledger', { actor: 'lin' }],
      ['stop', 'core.ledger', { actor: 'lin' }],
      ['uninstall', 'core.ledger', { actor: 'lin' }],
      ['rollback', 'core.ledger', { actor: 'lin', watchMs: 5 }],
      ['confirm', 'lin', { actor: 'lin' }],
      ['setStartLevel', 20, { actor: 'lin' }],
    ]);
  });

  it('answers plain HTTP clients with one outcome and a status that tells it', async () => {
    const post = (body: Buffer, type: string) => raw(server.path, 'POST', '/v1/deploy?actor=ci', { 'content-type': type }, body);
    const committed = await post(Buffer.from('one'), 'application/gzip');
    deepStrictEqual([committed.status, JSON.parse(committed.body)], [200, OUTCOME]);
    runtime.outcome = { ...OUTCOME, outcome: 'refused', error: { code: 'RESOLVE_FAILED', message: 'no', details: {} } };
    strictEqual((await post(Buffer.from('one'), 'application/octet-stream')).status, 422);
    runtime.outcome = { ...OUTCOME, outcome: 'refused', error: { code: 'GENERATION_CONFLICT', message: 'no', details: {} } };
    strictEqual((await post(writeFrames([Buffer.from('one')]), 'application/vnd.sluice.artifacts')).status, 409);
    runtime.outcome = { ...OUTCOME, outcome: 'rolled-back' };
    strictEqual((await post(Buffer.from('one'), 'application/gzip')).status, 422);
  });

  it('passes errors on with code, text, details and remedy, before and after the first line', async () => {
    const refusal = new SluiceError('DEPLOY_BUSY', 'Another deploy runs', { details: { deployId: 'd-0' }, remedy: 'Wait for it' });
    runtime.failure = refusal;
    await rejects(client.deploy([Buffer.from('x')]), {
      code: 'DEPLOY_BUSY',
      httpStatus: 409,
      details: { deployId: 'd-0' },
      remedy: 'Wait for it',
    });
    runtime.failure = undefined;
    runtime.rollback = async (_bundle, options) => {
      options.progress?.({ phase: 'load', at: 1, message: 'loading' });
      throw refusal;
    };
    const seen: string[] = [];
    await rejects(client.rollback('core.ledger', { progress: (event) => void seen.push(event.phase) }), { code: 'DEPLOY_BUSY' });
    deepStrictEqual(seen, ['load']);
    await rejects(client.inspect('core.leger'), { code: 'BUNDLE_UNKNOWN', httpStatus: 404, details: { nearest: ['core.ledger'] } });
    runtime.status = () => {
      throw new TypeError('boom');
    };
    await rejects(client.status(), { code: 'UNEXPECTED', message: 'boom', httpStatus: 500 });
  });

  it('follows logs and events until the client leaves, and then lets go of the runtime', async () => {
    const logs = await followed(
      runtime.logListeners,
      (line, signal) => client.followLogs({ bundle: 'core.ledger' }, line, signal),
      (listener) => listener({ sequence: 3, at: 3, level: 'info', source: 'core.ledger', message: 'new', fields: {} }),
    );
    deepStrictEqual(logs, [
      ...plainLines.map((value) => ({ type: 'line', value })),
      { type: 'line', value: { sequence: 3, at: 3, level: 'info', source: 'core.ledger', message: 'new', fields: {} } },
    ]);
    const event = { at: 1, kind: 'bundle', subject: 'core.ledger', message: 'started' };
    const events = await followed(
      runtime.eventListeners,
      (line, signal) => client.followEvents(line, signal),
      (listener) => listener(event),
    );
    deepStrictEqual(events, [{ type: 'line', value: event }]);
    deepStrictEqual(runtime.calls, [
      ['logs', { bundle: 'core.ledger', limit: 20 }],
      ['followLogs', { bundle: 'core.ledger' }],
    ]);
  });

  it('drops lines for a reader that does not read, tells how many, and keeps the order', async () => {
    runtime.logs = () => [];
    const listening = new Promise<(line: LogLine) => void>((resolve) => {
      runtime.followLogs = (_query, line) => {
        resolve(line);
        return () => true;
      };
    });
    const response = await new Promise<IncomingMessage>((resolve) => {
      request({ socketPath: server.path, path: '/v1/logs/follow', headers: { host: 'localhost' }, agent: false }, resolve).end();
    });
    const send = await listening;
    const line = (sequence: number): LogLine => ({ sequence, at: 0, level: 'info', source: 'a', message: 'x'.repeat(10_000), fields: {} });
    for (let sequence = 1; sequence <= 1_000; sequence += 1) send(line(sequence));
    // Lines go on coming; the first that finds room is preceded by the count.
    let sequence = 1_000;
    const sending = setInterval(() => send(line((sequence += 1))), 1);
    const seen: number[] = [];
    let dropped = 0;
    for await (const text of createInterface({ input: response })) {
      const read = JSON.parse(text) as FollowLine<LogLine>;
      if (read.type === 'line') seen.push(read.value.sequence);
      else dropped = read.count;
      if (read.type === 'line' && dropped > 0) break;
    }
    clearInterval(sending);
    response.destroy();
    const last = seen.at(-1) ?? 0;
    deepStrictEqual(seen, [...Array.from({ length: seen.length - 1 }, (_, index) => index + 1), last]);
    strictEqual(last - seen.length, dropped);
    ok(dropped > 0);
    deepStrictEqual(
      seen,
      [...seen].sort((a, b) => a - b),
    );
  });

  it('refuses what a browser, a typing slip or a broken client sends, and says what was expected', async () => {
    const get = async (path: string, headers: Record<string, string> = {}) => {
      const answer = await raw(server.path, 'GET', path, headers);
      const { code, status, remedy } = JSON.parse(answer.body) as { code: string; status: number; remedy?: string };
      strictEqual(answer.status, status);
      strictEqual(answer.headers['content-type'], 'application/problem+json');
      return [status, code, remedy];
    };
    deepStrictEqual(await get('/v1/status', { host: 'evil.example' }), [
      421,
      'ADMIN_HOST_REFUSED',
      'Use the sluice command, or send `Host: localhost`',
    ]);
    deepStrictEqual(await get('/v1/status', { origin: 'http://localhost' }), [403, 'ADMIN_ORIGIN_REFUSED', undefined]);
    deepStrictEqual(await get('/v1/statos'), [404, 'ADMIN_ROUTE_UNKNOWN', "Did you mean '/v1/status'?"]);
    deepStrictEqual(await get('/v1/deploy'), [405, 'ADMIN_METHOD_REFUSED', undefined]);
    deepStrictEqual(await get('/v1/history?limt=3&limit=x'), [400, 'ADMIN_QUERY_INVALID', undefined]);
    const post = async (path: string, type: string, body: Buffer, headers = {}) => {
      const answer = await raw(server.path, 'POST', path, { 'content-type': type, ...headers }, body);
      return [answer.status, (JSON.parse(answer.body) as { code: string }).code];
    };
    const framed = 'application/vnd.sluice.artifacts';
    deepStrictEqual(await post('/v1/deploy', 'text/plain', Buffer.from('x')), [415, 'ADMIN_MEDIA_TYPE_REFUSED']);
    deepStrictEqual(await post('/v1/deploy', framed, Buffer.alloc(0)), [400, 'ADMIN_BODY_INVALID']);
    deepStrictEqual(await post('/v1/deploy', framed, Buffer.from([0, 0, 0, 9, 1])), [400, 'ADMIN_BODY_INVALID']);
    deepStrictEqual(await post('/v1/update', framed, writeFrames([Buffer.from('a'), Buffer.from('b')])), [400, 'ADMIN_BODY_INVALID']);
    deepStrictEqual(await post('/v1/releases', framed, writeFrames([Buffer.from('no JSON')])), [400, 'ADMIN_BODY_INVALID']);
    deepStrictEqual(await post('/v1/releases', framed, writeFrames([Buffer.from('{"name":"A"}')])), [422, 'RELEASE_INVALID']);
    deepStrictEqual(await post('/v1/startlevel', 'application/json', Buffer.from('{"level":"x"}')), [400, 'ADMIN_BODY_INVALID']);
    deepStrictEqual(await post('/v1/startlevel', 'application/json', Buffer.from('[')), [400, 'ADMIN_BODY_INVALID']);
    deepStrictEqual(await post('/v1/startlevel', 'application/json', Buffer.alloc(1024 * 1024 + 1, 32)), [413, 'ADMIN_BODY_TOO_LARGE']);
    deepStrictEqual(
      await post('/v1/startlevel', 'application/json', Buffer.alloc(1024 * 1024 + 1, 32), { 'transfer-encoding': 'chunked' }),
      [413, 'ADMIN_BODY_TOO_LARGE'],
    );
    deepStrictEqual(runtime.calls, []);
  });

  it('describes every endpoint in its OpenAPI document', async () => {
    const document = (await client.openapi()) as { openapi: string; paths: Record<string, Record<string, { operationId: string }>> };
    const described = Object.values(document.paths).flatMap((path) => Object.values(path).map((operation) => operation.operationId));
    strictEqual(document.openapi, '3.1.0');
    deepStrictEqual(described.sort(), Object.keys(ENDPOINTS).sort());
  });

  it('opens the socket for its owner only, replaces a dead one, and removes it on close', async () => {
    strictEqual(statSync(server.path).mode & 0o777, 0o600);
    const second = await startTestServer(runtime, folder);
    await second.close();
    await rejects(client.status(), { code: 'KERNEL_NOT_RUNNING', details: { dataFolder: folder } });
  });

  it('serves data folders whose path is too long for a socket', async () => {
    const deep = mkdtempSync(join(tmpdir(), `sluice-${'x'.repeat(100)}-`));
    const other = await startTestServer(runtime, deep);
    try {
      ok(other.path.length < 104 && !other.path.startsWith(deep));
      strictEqual((await new AdminClient(deep, 'lin').status()).pid, STATUS.pid);
    } finally {
      await other.close();
      rmSync(deep, { recursive: true });
    }
  });
});

/** Collects lines: begins to follow, fires one value once the runtime is being listened to, leaves, and waits until it was let go. */
async function followed<L, T>(
  listeners: Set<(value: L) => void>,
  begin: (line: (line: FollowLine<T>) => void, signal: AbortSignal) => Promise<void>,
  fire: (listener: (value: L) => void) => void,
): Promise<FollowLine<T>[]> {
  const leaving = new AbortController();
  const lines: FollowLine<T>[] = [];
  const released = new Promise<void>((resolve) => {
    const add = listeners.add.bind(listeners);
    const remove = listeners.delete.bind(listeners);
    let expected: number;
    listeners.add = (listener) => {
      add(listener);
      fire(listener);
      expected = listeners.size - 1;
      return listeners;
    };
    listeners.delete = (listener) => {
      const removed = remove(listener);
      if (listeners.size === expected) resolve();
      return removed;
    };
  });
  const following = begin((line) => {
    lines.push(line);
    const value = (line as { value: { message?: string } }).value;
    if (value.message === 'new' || (value.message === 'started' && lines.length === 1 && !('sequence' in value))) leaving.abort();
  }, leaving.signal);
  await Promise.all([following, released]);
  return lines;
}

function raw(
  socketPath: string,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: Buffer,
): Promise<{ status: number; headers: Record<string, unknown>; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, headers: { host: 'localhost', ...headers }, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
