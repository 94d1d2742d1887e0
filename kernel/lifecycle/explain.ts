/** `why`: a cause chain across state, resolver, components, configuration and history. Reads, never changes. */
import { BUNDLE_NAMESPACE, resolve, renderProblem } from '../resolver/index.js';
import type { Bundle } from './bundle.js';
import type { KernelState } from './kernel-state.js';
import type { Cause } from './runtime.js';

/** Answers why a bundle is in the state it is in. The first cause is the state itself. */
export function explain(bundle: Bundle, state: KernelState): readonly Cause[] {
  const causes: Cause[] = [
    { subject: bundle.symbolicName, statement: `is ${bundle.state}${bundle.current === null ? '' : ` with version ${bundle.version}`}` },
  ];
  if (bundle.current === null) causes.push(...whyNotActive(bundle, state));
  else causes.push(...whyComponents(bundle, state), ...whyUnserved(bundle, state));
  if (bundle.older !== null) {
    causes.push({
      subject: bundle.older.key,
      statement: 'is the revision before; it waits for the end of probation or of its last entries',
    });
  }
  for (const entry of bundle.log.slice(-5).reverse())
    causes.push({ subject: bundle.symbolicName, statement: entry.statement, at: entry.at });
  return causes;
}

function whyNotActive(bundle: Bundle, state: KernelState): Cause[] {
  const subject = bundle.symbolicName;
  if (bundle.isFragment) {
    const hosts = (state.wiring.get(bundle.key) ?? []).filter(({ requirement }) => requirement.namespace === BUNDLE_NAMESPACE);
    if (hosts.length === 0) return whyUnresolved(bundle, state);
    return [{ subject, statement: `is a fragment and attached to ${hosts.map(({ provider }) => `'${provider}'`).join(', ')}` }];
  }
  if (bundle.error !== null) {
    const { message, remedy } = bundle.error;
    return [{ subject, statement: message, ...(remedy === undefined ? {} : { remedy }) }];
  }
  if (!bundle.autostart) return [{ subject, statement: 'was stopped or never started by an operator', remedy: `sluice start ${subject}` }];
  if (bundle.startLevel > state.startLevel) {
    const statement = `has start level ${bundle.startLevel}, the framework is at ${state.startLevel}`;
    return [{ subject, statement, remedy: `Raise the framework's start level to ${bundle.startLevel}.` }];
  }
  return whyUnresolved(bundle, state);
}

function whyUnresolved(bundle: Bundle, state: KernelState): Cause[] {
  const resolution = resolve({
    candidates: state.bundles.candidates(),
    required: [bundle.key],
    wired: state.wiring,
    kernel: state.capabilities,
  });
  if (resolution.ok) return [];
  return resolution.problems.map((problem) => ({
    subject: bundle.symbolicName,
    statement: renderProblem(problem),
    remedy: problem.suggestion,
  }));
}

function whyComponents(bundle: Bundle, state: KernelState): Cause[] {
  const causes: Cause[] = [];
  for (const component of bundle.current?.components() ?? []) {
    if (component.state === 'active') continue;
    const subject = `${bundle.symbolicName}/${component.name}`;
    causes.push({ subject, statement: `is ${component.state}${component.reason === undefined ? '' : `: ${component.reason}`}` });
    for (const reference of component.references) {
      if (!reference.satisfied) causes.push(...whyMissing(reference.contract, state));
    }
  }
  return causes;
}

/** What the code of the bundle looks up by itself and does not find. What its components lack has been told with them. */
function whyUnserved(bundle: Bundle, state: KernelState): Cause[] {
  const told = new Set((bundle.current?.components() ?? []).flatMap(({ references }) => references.map(({ contract }) => contract)));
  const wanted = bundle.artifact.manifest.requires.filter(({ contract, optional }) => !optional && !told.has(contract));
  if (wanted.length === 0) return [];
  const served = new Set(state.registry.services().map(({ contract }) => contract));
  return wanted.flatMap(({ contract }) => (served.has(contract) ? [] : whyMissing(contract, state)));
}

function whyMissing(contract: string, state: KernelState): Cause[] {
  const providers = state.inOrder().filter((one) => one.artifact.manifest.provides.some((provided) => provided.contract === contract));
  if (providers.length === 0) {
    return [{ subject: contract, statement: 'is provided by no installed bundle', remedy: `Deploy a bundle that provides '${contract}'.` }];
  }
  return providers.map((one) => {
    const running = one.current !== null;
    const statement = `is provided by '${one.symbolicName}', which is ${one.state}${running ? ' but has not registered the service' : ''}`;
    return { subject: contract, statement, remedy: running ? `sluice why ${one.symbolicName}` : `sluice start ${one.symbolicName}` };
  });
}
