/**
 * Who may use which endpoint: one table, everything else is for `admin` over the whole system. What is asked is held against the grants of the
 * sender, first as soon as the endpoint is known, then, once the body is read, for each bundle that the change is about.
 */
import { SluiceError } from '@sluice/sdk';
import type { Runtime } from '../lifecycle/runtime.js';
import { hasRight, type Principal, type Right } from '../trust/roles.js';
import type { EndpointName } from './contract.js';
import type { MatchedRequest } from './requests.js';

/**
 * What an endpoint asks for. `over`: `any` answers with what the sender may see, `path` is about the bundle in the path, `body` about the
 * bundles that the body brings or names, `trial` about the bundles on probation, `system` about everything.
 */
export interface Demand {
  readonly rights: readonly Right[];
  readonly over: 'any' | 'path' | 'body' | 'trial' | 'system';
}

const view = (over: Demand['over']): Demand => ({ rights: ['view'], over });
const operate = (over: Demand['over']): Demand => ({ rights: ['operate'], over });
const administer: Demand = { rights: ['administer'], over: 'system' };
const NOT_LISTED = administer;

/** Demands by endpoint. */
export const DEMANDS: Readonly<Partial<Record<EndpointName, Demand>>> = {
  openapi: view('any'),
  status: view('any'),
  bundles: view('any'),
  inspect: view('path'),
  why: view('path'),
  services: view('any'),
  routes: view('any'),
  history: view('any'),
  releases: view('system'),
  desiredState: view('system'),
  artifactOf: view('path'),
  figures: view('system'),
  leaks: view('any'),
  logs: view('any'),
  followLogs: view('any'),
  followEvents: view('any'),
  configOf: view('path'),
  configHistory: view('path'),
  configSet: operate('path'),
  deploy: { rights: ['activate'], over: 'body' },
  install: { rights: ['activate'], over: 'body' },
  update: { rights: ['activate'], over: 'body' },
  deployRelease: { rights: ['upload', 'activate', 'operate'], over: 'system' },
  rollbackRelease: operate('system'),
  start: operate('path'),
  stop: operate('path'),
  uninstall: operate('path'),
  rollback: operate('path'),
  confirm: operate('trial'),
  setStartLevel: operate('system'),
  shutdown: operate('system'),
  backup: administer,
  dump: administer,
  artifacts: view('any'),
  upload: { rights: ['upload'], over: 'body' },
  // Which right it takes depends on the role of the signature; asked when it is known.
  addSignatures: view('any'),
  keys: view('any'),
  trustKey: administer,
  revokeKey: administer,
  tokens: administer,
  createToken: administer,
  revokeToken: administer,
  audit: { rights: ['audit'], over: 'system' },
  verifyAudit: { rights: ['audit'], over: 'system' },
};

/** What a request demands. A plan is for whoever may look; forced collections stop the process. */
export function demandOf({ name, query }: Pick<MatchedRequest, 'name' | 'query'>): Demand {
  const demand = DEMANDS[name] ?? NOT_LISTED;
  if ((name === 'leaks' && query['collect'] === true) || (name === 'figures' && query['heap'] === true)) return operate('system');
  if (query['dryRun'] === true && demand.over !== 'system') return { ...demand, rights: ['view'] };
  const extra: Right[] = [];
  if (query['allowDowngrade'] === true) extra.push('downgrade');
  if (query['grantPermissions'] === true) extra.push('approve');
  return extra.length === 0 ? demand : { ...demand, rights: [...demand.rights, ...extra] };
}

/**
 * Refuses a request of which the body is not read yet.
 * @throws SluiceError `ACCESS_REFUSED`.
 */
export function assertMayAsk(principal: Principal, matched: MatchedRequest, runtime: Runtime): void {
  const { rights, over } = demandOf(matched);
  if (over === 'system') return assertRights(principal, rights, '*', matched.name);
  if (over === 'path') {
    const name = nameOf(principal, matched.bundle, runtime);
    return assertRights(principal, rights, matched.name === 'rollback' ? returningWith(name, runtime) : [name], matched.name);
  }
  if (over === 'trial') {
    const names = onTrial(runtime);
    return assertRights(principal, rights, names.length === 0 ? 'any' : names, matched.name);
  }
  assertRights(principal, rights, 'any', matched.name);
}

/**
 * Refuses what goes beyond the sender's grants.
 * @throws SluiceError `ACCESS_REFUSED`.
 */
export function assertRights(principal: Principal, rights: readonly Right[], over: readonly string[] | '*' | 'any', action: string): void {
  // Whoever has a right over everything need not have each name looked at.
  const missing = rights.filter((right) => !hasRight(principal, right, '*') && !hasRight(principal, right, over));
  if (missing.length === 0) return;
  const bundles = Array.isArray(over) ? [...(over as readonly string[])] : [];
  const what = over === '*' ? 'the whole system' : over === 'any' ? 'any bundle' : bundles.join(', ');
  throw new SluiceError('ACCESS_REFUSED', `'${principal.name}' may not ${action}: it has no right to ${missing.join(' and ')} ${what}`, {
    details: { action, rights: missing, bundles, role: principal.role },
    httpStatus: 403,
    remedy: 'Ask somebody who may, or an administrator for a token with the right role.',
  });
}

/** What is on probation together goes back together. */
function returningWith(name: string, runtime: Runtime): readonly string[] {
  const names = onTrial(runtime);
  return names.includes(name) ? names : [name];
}

function onTrial(runtime: Runtime): readonly string[] {
  return runtime.bundles().flatMap((bundle) => (bundle.onTrial ? [bundle.symbolicName] : []));
}

/** Symbolic name behind what a path says, which may be an id or name@version. What is not installed goes by what it is called. */
function nameOf(principal: Principal, bundle: string, runtime: Runtime): string {
  if (principal.grants.every((grant) => grant.bundles.includes('*'))) return bundle;
  const found = runtime
    .bundles()
    .find(({ symbolicName, version, id }) => bundle === symbolicName || bundle === `${symbolicName}@${version}` || bundle === String(id));
  return found?.symbolicName ?? bundle;
}
