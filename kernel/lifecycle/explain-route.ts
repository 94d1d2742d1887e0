/** Why a path is answered as it is: who serves it, or whose mount it lies below and why that bundle does not serve it. */
import { nearestNames } from '../model/index.js';
import type { Bundle } from './bundle.js';
import { explainBundle } from './explain-bundle.js';
import { below, type ExplainPorts } from './explain-causes.js';
import type { Cause, RouteSummary } from './runtime.js';

/** A route as asked for; `method` undefined: any. */
export interface AskedRoute {
  readonly method: string | undefined;
  readonly path: string;
}

/** Explains one path. */
export async function explainRoute({ method, path }: AskedRoute, ports: ExplainPorts): Promise<readonly Cause[]> {
  const plain = path.split('?')[0] as string;
  const subject = method === undefined ? plain : `${method} ${plain}`;
  const matching = ports.routes().filter((route) => matches(route.path, plain));
  const served = matching.filter(
    (route) => method === undefined || route.method === method || (method === 'HEAD' && route.method === 'GET'),
  );
  const about = { subject, area: 'route', depth: 0 } as const;
  const [best] = served.sort((a, b) => parameters(a) - parameters(b));
  if (best !== undefined) {
    const operation = best.operationId === undefined ? '' : `, operation '${best.operationId}'`;
    const statement = `is served by '${best.bundle}' ${best.version} as ${best.method} ${best.path}${operation}`;
    return [{ ...about, statement }, ...below(await causesOf(best.bundle, ports))];
  }
  if (matching.length > 0) {
    const methods = [...new Set(matching.map((route) => route.method))].join(', ');
    const statement = `is not served; '${matching[0]?.bundle}' serves this path for ${methods}`;
    return [{ ...about, statement, command: `sluice routes ${matching[0]?.path}` }];
  }
  const owner = mountOwner(plain, ports);
  if (owner === undefined) return [unmounted(about, plain, ports)];
  const { bundle, mount } = owner;
  const lies = `is not served; it lies below ${mount}, the mount of '${bundle.symbolicName}'`;
  if (bundle.current === null) {
    return [{ ...about, statement: `${lies}, which is not running` }, ...below(await causesOf(bundle.symbolicName, ports))];
  }
  const nearest = nearestNames(plain, new Set(ports.routes().map((route) => route.path)));
  const similar = nearest.length === 0 ? '' : `; similar: ${nearest.join(', ')}`;
  const statement = `${lies}, which declares no such path${similar}`;
  return [{ ...about, statement, command: `sluice routes ${mount}` }, ...below(await causesOf(bundle.symbolicName, ports))];
}

async function causesOf(name: string, ports: ExplainPorts): Promise<readonly Cause[]> {
  const [bundle] = ports.state.bundles.named(name);
  return bundle === undefined ? [] : explainBundle(bundle, ports);
}

function unmounted(about: Pick<Cause, 'subject' | 'area' | 'depth'>, path: string, { state, routes }: ExplainPorts): Cause {
  if (routes().length === 0) {
    return { ...about, statement: 'is not served: no bundle serves any route', command: 'sluice why system.http' };
  }
  const mounts = state.inOrder().flatMap(({ artifact }) => artifact.manifest.mount ?? []);
  const nearest = nearestNames(`/${path.split('/')[1] ?? ''}`, new Set(mounts));
  const similar = nearest.length === 0 ? '' : `; similar: ${nearest.join(', ')}`;
  return { ...about, statement: `is not served: it lies below the mount of no installed bundle${similar}`, command: 'sluice routes' };
}

/** The bundle with the longest mount that a path lies below. */
function mountOwner(path: string, { state }: ExplainPorts): { readonly bundle: Bundle; readonly mount: string } | undefined {
  const owners = state.inOrder().flatMap((bundle) => {
    const { mount } = bundle.artifact.manifest;
    return mount !== null && (path === mount || path.startsWith(mount === '/' ? '/' : `${mount}/`)) ? [{ bundle, mount }] : [];
  });
  return owners.sort((a, b) => b.mount.length - a.mount.length)[0];
}

function matches(pattern: string, path: string): boolean {
  const wanted = segments(pattern);
  const given = segments(path);
  return wanted.length === given.length && wanted.every((part, at) => part.startsWith(':') || part === given[at]);
}

function parameters({ path }: RouteSummary): number {
  return segments(path).filter((part) => part.startsWith(':')).length;
}

function segments(path: string): readonly string[] {
  return path.split('/').filter((part) => part !== '');
}
