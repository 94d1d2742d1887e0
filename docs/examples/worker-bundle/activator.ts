/**
 * Written like any other bundle: the manifest asks for a worker, or an operator does with `sluice deploy --tier worker`. Its route is answered
 * from another thread; what it computes holds up nobody else, and an endless loop in it is ended without harm to others.
 */
import { defineBundle, reply, route, Routes, serveRoutes, Type } from '@sluice/sdk';

const LIMIT_MAX = 5_000_000;

const count = route({
  method: 'GET',
  path: '/below/:limit',
  operationId: 'countPrimes',
  summary: 'How many primes are below a limit',
  schemas: {
    params: Type.Object({ limit: Type.Integer({ minimum: 0, maximum: LIMIT_MAX }) }),
    responses: { 200: Type.Object({ primes: Type.Integer() }) },
  },
  handler: ({ params }) => reply(200, { primes: primesBelow(params.limit) }),
});

export default defineBundle({
  provides: [Routes],
  activate: (context) => void serveRoutes(context, { title: 'Primes', routes: [count] }),
});

function primesBelow(limit: number): number {
  const composite = new Uint8Array(limit);
  let primes = 0;
  for (let candidate = 2; candidate < limit; candidate += 1) {
    if (composite[candidate] === 1) continue;
    primes += 1;
    for (let multiple = candidate * candidate; multiple < limit; multiple += candidate) composite[multiple] = 1;
  }
  return primes;
}
