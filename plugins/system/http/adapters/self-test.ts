/**
 * Requests routes marked `selfTest` once, before their revision is switched in: over a connection in memory, through the real HTTP
 * parser and the real handlers, against a table that nobody else sees yet.
 */
import { request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { SluiceError } from '@sluice/sdk';
import { joinPath } from '../domain/path.js';
import type { CompiledRouteSet } from '../domain/route-set.js';
import type { TypedRoute } from '../domain/typed-route.js';
import type { RequestHandler } from './request-handler.js';
import type { PreparedRoutes } from './route-publisher.js';
import { WebServer } from './web-server.js';

/** How much of a bad answer is shown. */
const EXCERPT_BYTES = 500;

/**
 * Asks every route of the prepared sets that wants it.
 * @throws SluiceError `SELF_TEST_FAILED` naming bundle, route and answer.
 */
export async function selfTest(handler: RequestHandler, prepared: PreparedRoutes, signal: AbortSignal): Promise<void> {
  const tests = prepared.sets.flatMap((set) => set.typed.filter((route) => route.definition.selfTest).map((route) => ({ set, route })));
  if (tests.length === 0) return;
  const staged = handler.withTable(handler.table.with(prepared.sets, prepared.replaced));
  const web = WebServer.create(handler.settings.limits, undefined, staged.handle);
  try {
    for (const { set, route } of tests) {
      const answer = await ask(web, joinPath(set.identity.mount, route.definition.path), signal);
      if (answer.status >= 400) throw failed(set, route, answer);
    }
  } finally {
    web.destroy();
    staged.traffic.unwatch();
  }
}

interface Answer {
  readonly status: number;
  readonly excerpt: string;
}

function ask(web: WebServer, path: string, signal: AbortSignal): Promise<Answer> {
  const [near, far] = connectionPair();
  web.accept(far as Socket);
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      createConnection: () => near as Socket,
      path,
      signal,
      headers: { host: 'self-test', connection: 'close', 'x-request-id': 'self-test' },
    });
    request.once('error', reject);
    request.once('response', (response) => {
      let excerpt = '';
      response.on('data', (chunk: Buffer) => {
        if (excerpt.length < EXCERPT_BYTES) excerpt += chunk.toString('utf8');
      });
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, excerpt: excerpt.slice(0, EXCERPT_BYTES) }));
    });
    request.end();
  });
}

/** Two ends of a connection in memory. */
function connectionPair(): readonly [Duplex, Duplex] {
  const ends: Duplex[] = [];
  const end = (other: number): Duplex =>
    new Duplex({
      read: () => undefined,
      write: (chunk, _encoding, done) => {
        ends[other]?.push(chunk);
        done();
      },
      final: (done) => {
        ends[other]?.push(null);
        done();
      },
    });
  const [near, far] = [end(1), end(0)];
  ends.push(near, far);
  return [near, far];
}

function failed(set: CompiledRouteSet, route: TypedRoute, answer: Answer): SluiceError {
  const { bundle, version } = set.identity;
  const { operationId } = route.definition;
  return new SluiceError(
    'SELF_TEST_FAILED',
    `Self-test of '${bundle}' ${version} failed: route '${operationId}' answered ${answer.status}`,
    {
      details: { bundle, version, operationId, status: answer.status, answer: answer.excerpt },
      remedy: 'The revision before keeps serving. Mend the route, or take selfTest from it when it needs more than an empty request.',
    },
  );
}
