/** Declarations, mounts, conflicts and the table. */
import { strict as assert } from 'node:assert';
import { Router } from '@koa/router';
import { reply, Type, type RouteDefinition, type RouteSet } from '@sluice/sdk';
import { findConflicts } from '../../../plugins/system/http/domain/conflicts.js';
import { documentOf } from '../../../plugins/system/http/domain/openapi.js';
import { mountContains, normaliseMount, parsePattern } from '../../../plugins/system/http/domain/path.js';
import { CompiledRouteSet } from '../../../plugins/system/http/domain/route-set.js';
import { RouteTable } from '../../../plugins/system/http/domain/route-table.js';
import { SchemaCache } from '../../../plugins/system/http/domain/schema-cache.js';
import { compileTypedRoute, mistakesOf } from '../../../plugins/system/http/domain/typed-route.js';

function definition(path: string, more: Partial<RouteDefinition> = {}): RouteDefinition {
  return {
    method: 'GET',
    path,
    operationId: `get ${path}`,
    summary: 'Reads',
    schemas: { responses: { 200: Type.Any() } },
    handler: () => reply(200),
    ...more,
  };
}

let nextId = 1;

function setOf(bundle: string, mount: string, source: RouteSet, component?: { name: string; id: number }): CompiledRouteSet {
  const cache = new SchemaCache();
  const typed = (source.routes ?? []).map((route) => compileTypedRoute(route, cache));
  const identity = { serviceId: nextId++, bundle, version: '1.0.0', mount: normaliseMount(mount) };
  return new CompiledRouteSet({ ...identity, ...(component === undefined ? {} : { component }) }, source, typed);
}

const ofComponent = (name: string, id: number): CompiledRouteSet => setOf('a', '/a', { routes: [definition('/x')] }, { name, id });

const paths = (bundle: string, mount: string, ...list: readonly string[]): CompiledRouteSet =>
  setOf(bundle, mount, { routes: list.map((path) => definition(path)) });

describe('path patterns', () => {
  it('say what a tree of segments can hold, and nothing else', () => {
    const cases: readonly (readonly [string, unknown])[] = [
      ['/', { segments: [], open: false }],
      ['/Users/:id/', { segments: ['users', null], open: false }],
      ['/a/:from-:to/b', { segments: ['a', null, 'b'], open: false }],
      ['/files/*rest', { segments: ['files'], open: true }],
      ['/a{/:b}', undefined],
      ['/a//b', undefined],
      ['/straße', undefined],
      ['a', undefined],
      ['/a\\:b', undefined],
    ];
    for (const [path, expected] of cases) assert.deepEqual(parsePattern(path, false), expected, path);
  });

  it('compare mounts by segment', () => {
    assert.deepEqual(['/A/', 'a/b', '/', ''].map(normaliseMount), ['/a', '/a/b', '', '']);
    assert.deepEqual([mountContains('/a', '/a/b'), mountContains('/a', '/ab'), mountContains('/a', '/a')], [true, false, true]);
  });
});

describe('route declarations', () => {
  it('report every mistake at once', () => {
    const mistakes = [
      definition('/x/:a-:b/:c', { operationId: 'mixed' }),
      definition('/x/:a/:a', { operationId: 'twice' }),
      definition('/x', { operationId: 'params', schemas: { params: Type.Object({ id: Type.String() }), responses: {} } }),
      definition('/x/:id', { operationId: 'self', selfTest: true }),
      definition('/*rest', { operationId: 'wild', method: 'FETCH' as 'GET' }),
    ].flatMap(mistakesOf);
    assert.deepEqual(mistakes, [
      "route 'mixed': a parameter must fill a whole segment, found ':a-:b'",
      "route 'twice': path '/x/:a/:a' names a parameter twice",
      "route 'params': schemas.params has 'id', which path '/x' does not have",
      "route 'self': selfTest is only for GET routes without parameters",
      "route 'wild': method 'FETCH' is none of GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS",
      "route 'wild': path '/*rest' must be '/text/:parameter' with plain segments; put anything else on a router",
    ]);
  });
});

describe('route conflicts', () => {
  const subjects = (present: readonly CompiledRouteSet[], ...added: readonly CompiledRouteSet[]): readonly string[] =>
    findConflicts(present, added).map(({ subject, claimant, holder }) => `${subject}: ${claimant} / ${holder}`);

  it('a mount belongs to one bundle, with everything below it', () => {
    assert.deepEqual(subjects([paths('a', '/bank')], paths('b', '/Bank/')), ['/bank: b 1.0.0 / a 1.0.0']);
    assert.deepEqual(subjects([paths('a', '/bank')], paths('b', '/bank/transfers')), ['/bank/transfers: b 1.0.0 / a 1.0.0']);
    assert.deepEqual(subjects([paths('a', '/bank/transfers')], paths('b', '/bank')), ['/bank/transfers: b 1.0.0 / a 1.0.0']);
    assert.deepEqual(subjects([paths('a', '/bank')], paths('b', '/banker'), paths('c', '/ban')), []);
  });

  it('the root is shared, as long as its routes stay out of the mounts', () => {
    assert.deepEqual(subjects([paths('a', '/bank')], paths('root', '/', '/', '/help', '/:page')), []);
    assert.deepEqual(subjects([paths('a', '/bank')], paths('root', '/', '/bank', '/Bank/x')), [
      'GET /bank: root 1.0.0 / a 1.0.0',
      'GET /Bank/x: root 1.0.0 / a 1.0.0',
    ]);
    assert.deepEqual(subjects([paths('root', '/', '/bank/x')], paths('a', '/bank')), ['GET /bank/x: a 1.0.0 / root 1.0.0']);
    assert.deepEqual(subjects([paths('root', '/')], paths('other', '/')), ['/: other 1.0.0 / root 1.0.0']);
  });

  it('a method and path occur once in a bundle, whatever the case and the names of parameters', () => {
    assert.deepEqual(subjects([], paths('a', '/a', '/users/:id', '/Users/:name/')), ['GET /a/Users/:name/: a 1.0.0 / a 1.0.0']);
    assert.deepEqual(subjects([paths('a', '/a', '/x')], paths('a', '/a', '/x')), ['GET /a/x: a 1.0.0 / a 1.0.0']);
    assert.deepEqual(
      subjects([], setOf('a', '/a', { routes: [definition('/x'), definition('/x', { method: 'POST', operationId: 'post' })] })),
      [],
    );
  });

  it('are none between two instances of one component, and are between two components', () => {
    assert.deepEqual(subjects([ofComponent('One', 1)], ofComponent('One', 2)), []);
    const conflict = ['GET /a/x: a 1.0.0 / a 1.0.0'];
    assert.deepEqual(subjects([ofComponent('One', 1)], ofComponent('Two', 2)), conflict);
    assert.deepEqual(subjects([ofComponent('One', 1)], ofComponent('One', 1)), conflict);
    assert.deepEqual(subjects([ofComponent('One', 1)], paths('a', '/a', '/x')), conflict);
  });

  it('are found among bundles added together', () => {
    assert.deepEqual(subjects([], paths('a', '/x'), paths('b', '/x')), ['/x: b 1.0.0 / a 1.0.0']);
  });
});

describe('route table', () => {
  it('finds the longest mount, and what hangs there', () => {
    const table = RouteTable.EMPTY.with([paths('root', '/', '/:any', '/'), paths('a', '/a/b', '/x'), paths('b', '/b', '/')], []);
    const found = (path: string): string | undefined => table.find(path, 'GET')?.set.identity.bundle;
    assert.deepEqual(['/a/b/x', '/A/B/X', '/a', '/b', '/b/', '/', '/other', '/a/b', '/a/x'].map(found), [
      'a',
      'a',
      'root',
      'b',
      'b',
      'root',
      'root',
      undefined,
      undefined,
    ]);
  });

  it('is replaced, never changed', () => {
    const first = paths('a', '/a', '/x');
    const one = RouteTable.EMPTY.with([first], []);
    const two = one.with([paths('b', '/b', '/y')], [first.identity.serviceId]);
    assert.deepEqual(
      [one.find('/a/x', 'GET') !== null, one.find('/b/y', 'GET'), two.find('/a/x', 'GET'), two.find('/b/y', 'GET') !== null],
      [true, null, null, true],
    );
    assert.deepEqual([RouteTable.EMPTY.isEmpty, two.list().length], [true, 1]);
  });

  it('answers with the younger instance of a component, and with the older one when that is gone', () => {
    const [older, younger] = [ofComponent('One', 1), ofComponent('One', 2)];
    const both = RouteTable.EMPTY.with([older, paths('a', '/a', '/y')], []).with([younger], []);
    assert.equal(both.find('/a/x', 'GET')?.set, younger);
    assert.equal(both.with([], [younger.identity.serviceId]).find('/a/x', 'GET')?.set, older);
  });

  it('lists what can be asked, and guesses what was meant', () => {
    const router = new Router().get('/notes/:id', () => undefined).put('/notes/:id', () => undefined);
    const table = RouteTable.EMPTY.with(
      [setOf('a', '/api', { routes: [definition('/users/:id'), definition('/notes/:id', { method: 'DELETE' })], router })],
      [],
    );
    assert.deepEqual(table.allowed('/api/notes/1'), ['DELETE', 'HEAD', 'GET', 'PUT']);
    assert.deepEqual(table.allowed('/nowhere'), []);
    assert.equal(table.nearest('/api/uesrs/15'), 'GET /api/users/:id');
    assert.equal(table.nearest('/aip/users/15'), 'GET /api/users/:id');
    assert.equal(table.nearest('/something/else'), undefined);
  });
});

describe('OpenAPI document', () => {
  it('says everything the schemas say', () => {
    const set = setOf('bank.things', '/things', {
      title: 'Things',
      routes: [
        definition('/:id/parts', {
          method: 'POST',
          operationId: 'addPart',
          summary: 'Adds a part',
          schemas: {
            params: Type.Object({ id: Type.Integer() }),
            query: Type.Object({ dryRun: Type.Optional(Type.Boolean()) }),
            headers: Type.Object({ 'Idempotency-Key': Type.String() }),
            body: Type.Object({ name: Type.String() }, { $id: 'Part' }),
            responses: { 201: Type.Object({ id: Type.String() }, { description: 'Added' }), 204: Type.Null() },
          },
        }),
      ],
    });
    const { components: _components, ...document } = documentOf(set);
    assert.deepEqual(document, {
      openapi: '3.1.0',
      info: { title: 'Things', version: '1.0.0' },
      tags: [{ name: 'bank.things', description: 'Things' }],
      paths: {
        '/things/{id}/parts': {
          post: {
            operationId: 'addPart',
            summary: 'Adds a part',
            tags: ['bank.things'],
            parameters: [
              { name: 'id', in: 'path', required: true, schema: { type: 'integer' } },
              { name: 'dryRun', in: 'query', required: false, schema: { type: 'boolean' } },
              { name: 'Idempotency-Key', in: 'header', required: true, schema: { type: 'string' } },
            ],
            requestBody: {
              required: true,
              content: { 'application/json': { schema: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } } },
            },
            responses: {
              201: {
                description: 'Added',
                content: {
                  'application/json': {
                    schema: { type: 'object', description: 'Added', required: ['id'], properties: { id: { type: 'string' } } },
                  },
                },
              },
              204: { description: 'Answer 204' },
              default: { $ref: '#/components/responses/Problem' },
            },
          },
        },
      },
    });
  });
});
