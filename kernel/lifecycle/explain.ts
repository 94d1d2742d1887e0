/**
 * `why`: one chain of causes for a bundle, component, service or route, from what is seen down to where it began: resolver, components,
 * configuration, health, history. Each cause names the next command. Reads, never changes.
 */
import { nearestNames } from '../model/index.js';
import { SluiceError } from '@sluice/sdk';
import { explainBundle, whyMissing } from './explain-bundle.js';
import { below, type ExplainPorts } from './explain-causes.js';
import { explainRoute } from './explain-route.js';
import { whyHistory } from './explain-history.js';
import type { Bundle } from './bundle.js';
import type { Cause, ServiceSummary } from './runtime.js';

/**
 * Explains what a name stands for: a bundle (name, `name@version` or id), a component (`bundle/Component`, or its name alone), a service
 * (contract, or `#id`), or a route (`/path` or `GET /path`). The first cause is what was asked for.
 * @throws SluiceError `BUNDLE_UNKNOWN` with the nearest names of every kind.
 */
export async function explain(subject: string, ports: ExplainPorts): Promise<readonly Cause[]> {
  const route = /^(?:([A-Za-z]+)\s+)?(\/.*)$/.exec(subject.trim());
  if (route !== null) return explainRoute({ method: route[1]?.toUpperCase(), path: route[2] as string }, ports);
  const bundle = bundleOf(subject, ports);
  if (bundle !== undefined) return [...(await explainBundle(bundle, ports)), ...below(whyHistory(bundle, ports.state))];
  const component = componentOf(subject, ports);
  if (component !== undefined) return explainBundle(component.bundle, ports, { component: component.name });
  if (isService(subject, ports)) return explainService(subject, ports);
  throw unknown(subject, ports);
}

function bundleOf(name: string, { state }: ExplainPorts): Bundle | undefined {
  return (
    state.bundles.named(name)[0] ??
    state.inOrder().find((bundle) => `${bundle.symbolicName}@${bundle.version}` === name || String(bundle.bundleId) === name)
  );
}

function componentOf(subject: string, { state }: ExplainPorts): { readonly bundle: Bundle; readonly name: string } | undefined {
  const [first = '', second] = subject.split('/');
  const wanted = second ?? first;
  const bundles = second === undefined ? state.inOrder() : state.bundles.named(first);
  for (const bundle of bundles) {
    if ((bundle.current?.components() ?? []).some(({ name }) => name === wanted)) return { bundle, name: wanted };
  }
  return undefined;
}

function isService(subject: string, { state }: ExplainPorts): boolean {
  return (
    servicesOf(subject, state.registry.services()).length > 0 ||
    state
      .inOrder()
      .some(({ artifact: { manifest } }) => [...manifest.provides, ...manifest.requires].some(({ contract }) => contract === subject))
  );
}

function servicesOf(subject: string, services: readonly ServiceSummary[]): readonly ServiceSummary[] {
  return services.filter(({ id, contract }) => contract === subject || `#${id}` === subject);
}

/** Who provides a service, who is behind, who uses it; or why nobody provides it. */
async function explainService(subject: string, ports: ExplainPorts): Promise<readonly Cause[]> {
  const found = servicesOf(subject, ports.state.registry.services());
  const contract = found[0]?.contract ?? subject;
  if (found.length === 0) {
    const nobody: Cause = { subject: contract, area: 'service', depth: 0, statement: 'is provided by nobody now' };
    return [nobody, ...below(await whyMissing(contract, ports))];
  }
  const ranked = [...found].sort((a, b) => b.ranking - a.ranking || a.id - b.id);
  const [first, ...others] = ranked.map(({ id, version, bundle, bundleVersion, ranking, users }, position): Cause => {
    const taken = position === 0 ? 'is provided' : 'is also provided, behind the higher ranking or the lower id,';
    const using = users.length === 0 ? 'used by nobody' : `used by ${users.join(', ')}`;
    return {
      subject: contract,
      area: 'service',
      depth: position === 0 ? 0 : 1,
      statement: `${taken} in version ${version} by '${bundle}' ${bundleVersion} (service ${id}, ranking ${ranking}), ${using}`,
      command: `sluice inspect ${bundle}`,
    };
  });
  const provider = ports.state.bundles.named(ranked[0]?.bundle ?? '')[0];
  const causes = provider === undefined ? [] : await explainBundle(provider, ports);
  return [...(first === undefined ? [] : [first]), ...others, ...below(causes)];
}

function unknown(subject: string, { state, routes }: ExplainPorts): SluiceError {
  const bundles = state.inOrder();
  const components = bundles.flatMap(({ symbolicName, current }) =>
    (current?.components() ?? []).map(({ name }) => `${symbolicName}/${name}`),
  );
  const contracts = bundles.flatMap(({ artifact }) => artifact.manifest.provides.map(({ contract }) => contract));
  const known = new Set([...bundles.map(({ symbolicName }) => symbolicName), ...components, ...contracts]);
  const last = subject.split('.').at(-1) ?? subject;
  const nearest = [
    ...new Set([...nearestNames(subject, known), ...[...known].filter((name) => last.length > 2 && name.includes(last))]),
  ].slice(0, 5);
  return new SluiceError('BUNDLE_UNKNOWN', `No bundle '${subject}' is installed`, {
    details: { name: subject, nearest, installed: bundles.length, routes: routes().length },
    remedy:
      nearest.length > 0
        ? `Did you mean ${nearest.join(', ')}?`
        : "Name a bundle ('sluice ls'), a service ('sluice services'), a component as bundle/Component, or a route as /path.",
    httpStatus: 404,
  });
}
