/** Why a bundle does not resolve, from the resolver's typed report. */
import { renderProblem, resolve, type ResolutionProblem } from '../resolver/index.js';
import { nameOfKey, type Bundle } from './bundle.js';
import type { KernelState } from './kernel-state.js';
import type { Cause } from './runtime.js';

/** The problems that keep a bundle from resolving; none when it resolves. */
export function whyUnresolved(bundle: Bundle, state: KernelState): readonly Cause[] {
  const resolution = resolve({
    candidates: state.bundles.candidates(),
    required: [bundle.key],
    wired: state.wiring,
    kernel: state.capabilities,
  });
  if (resolution.ok) return [];
  const causes: Cause[] = [];
  for (const problem of resolution.problems) {
    causes.push({
      subject: nameOfKey(problem.bundle),
      area: 'resolver',
      depth: 0,
      statement: renderProblem(problem),
      remedy: problem.suggestion,
      command: commandFor(problem),
    });
    if (problem.kind === 'missing') for (const name of problem.nearest) causes.push(...nearest(name, bundle, state));
  }
  return causes;
}

/** Nothing deployed offers what is needed; a bundle that offers something of nearly this name is worth a look. */
function nearest(name: string, consumer: Bundle, state: KernelState): readonly Cause[] {
  const provider = state.inOrder().find((one) => one.artifact.manifest.provides.some(({ contract }) => contract === name));
  if (provider === undefined || provider === consumer) return [];
  const statement = `has a name like it and is provided by '${provider.symbolicName}' ${provider.version}`;
  return [{ subject: name, area: 'resolver', depth: 1, statement, command: `sluice inspect ${provider.symbolicName}` }];
}

function commandFor(problem: ResolutionProblem): string {
  switch (problem.kind) {
    case 'filtered':
      return `sluice inspect ${nameOfKey(problem.refused[0]?.provider ?? problem.bundle)}`;
    case 'singleton-conflict':
      return `sluice inspect ${nameOfKey(problem.chosen)}`;
    case 'contract-conflict':
      return `sluice inspect ${nameOfKey(problem.other)}`;
    case 'chain':
      return `sluice why ${nameOfKey(problem.path.at(-1) ?? problem.bundle)}`;
    case 'missing':
    case 'cycle':
    case 'budget':
      return 'sluice plan <artifact>';
  }
}
