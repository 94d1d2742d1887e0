/** Ten kinds of bad versions of the transfer bundle, made of the good one. Each must be refused or taken back, whatever it does. */
import { Data, HealthCheck, Routes, type Contract } from '@sluice/sdk';
import { withChanges, type ArtifactChanges } from '../support/artifacts.js';

/** One kind. */
export interface BadKind {
  readonly kind: string;
  /** Code of the refusal; null for the kind that only live traffic shows. */
  readonly refusedWith: string | null;
  /** The bad artifact under a version. */
  artifact(good: Uint8Array, version: string): Buffer;
}

function bad(kind: string, refusedWith: string | null, changes: Omit<ArtifactChanges, 'version'>): BadKind {
  return { kind, refusedWith, artifact: (good, version) => withChanges(good, { ...changes, version }) };
}

/** Code that gives the definition another activator. */
function activator(body: string): string {
  return `const sdk = require('@sluice/sdk');
exports.default = sdk.defineBundle({ ...exports.default, async activate(context) { ${body} } });`;
}

function declared({ id, version }: Contract): { contract: string; version: string } {
  return { contract: id, version };
}

const HANG_MS = 200;
/** Every fifth call fails: a share of 20 %. */
const FAIL_EVERY = 5;

/** The first nine never serve a request; the tenth does, and fails some of them. */
export const BAD_KINDS: readonly BadKind[] = [
  bad('throws at load', 'LOAD_FAILED', { code: `throw new Error('planted: thrown by the module');` }),
  bad('throws in activate', 'ACTIVATE_FAILED', { code: activator(`throw new Error('planted: thrown by activate');`) }),
  bad('hangs in activate', 'TIME_LIMIT', {
    manifest: (section) => void (section['startTimeoutMs'] = HANG_MS),
    code: activator('await new Promise(() => {});'),
  }),
  bad('breaks its contract', 'RESOLVER_FILTERED', {
    manifest: ({ provides }) => provides.forEach((one) => void (one['version'] = '2.0.0')),
  }),
  bad('lacks a dependency', 'RESOLVER_MISSING', {
    manifest: ({ requires }) => void requires.push({ contract: 'planted.Nowhere', range: '^1.0.0' }),
  }),
  bad('has a bad migration', 'MIGRATION_FAILED', {
    manifest: ({ requires }) => void requires.push({ contract: Data.id, range: '^1.0.0' }),
    code: activator(`await context.reference(sdk.Data).migrate([{
      name: '0001-planted',
      phase: 'expand',
      async up(db) {
        await db.execute('CREATE TABLE ' + db.table('planted') + ' (id INTEGER PRIMARY KEY)');
        await db.execute('CREATE TABLE');
      },
      async down() {},
    }]);`),
  }),
  bad('is not healthy', 'HEALTH_GATE_FAILED', {
    manifest: ({ provides }) => void provides.push(declared(HealthCheck)),
    code: activator(`context.register(sdk.HealthCheck, { name: 'planted', check: () => ({ status: 'CRITICAL' }) });`),
  }),
  bad('takes a route of another bundle', 'ROUTE_CONFLICT', {
    manifest: (section) => {
      section.provides.push(declared(Routes));
      section['http'] = { mount: '/mobile' };
    },
    code: activator(`sdk.serveRoutes(context, { routes: [sdk.route({
      method: 'GET', path: '/version', operationId: 'planted', summary: 'planted', schemas: { responses: { 200: sdk.Type.Any() } },
      handler: () => sdk.reply(200, {}),
    })] });`),
  }),
  bad('has defaults against its own schema', 'CONFIG_INVALID', {
    manifest: (section) => {
      const properties = { limit: { type: 'integer' } };
      section['config'] = { schema: { type: 'object', additionalProperties: false, properties }, defaults: { limit: 'none' } };
    },
  }),
  bad('fails a fifth of live traffic', null, {
    code: `const { prototype } = exports.default.components[0];
let calls = 0;
for (const name of ['transfer', 'version']) {
  const good = prototype[name];
  prototype[name] = async function (...words) {
    calls += 1;
    if (calls % ${FAIL_EVERY} === 0) throw new Error('planted: fails a share of the traffic');
    return good.apply(this, words);
  };
}`,
  }),
];
