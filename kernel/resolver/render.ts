/** Text of resolution problems, made from their data: what failed, what was found and expected, what to do. */
import { SDK_PACKAGE } from './derive.js';
import { BUNDLE_NAMESPACE, CONTRACT_NAMESPACE, PACKAGE_NAMESPACE, type RequirementData, type ResolutionProblem } from './types.js';

/** Text of a problem in three parts: what failed, found and expected, what to do. */
export function renderProblem(problem: ResolutionProblem): string {
  return `Cannot resolve '${problem.bundle}': ${reasonOf(problem)}. ${problem.suggestion}`;
}

function reasonOf(problem: ResolutionProblem): string {
  switch (problem.kind) {
    case 'missing': {
      const similar = problem.nearest.length === 0 ? '' : ` (similar: ${quoted(problem.nearest)})`;
      return `it needs ${needText(problem.requirement)}, which nothing deployed offers${similar}`;
    }
    case 'filtered': {
      const found = problem.refused
        .map(({ provider, version, by }) => `${version ?? 'one'} by '${provider}' (refused by the ${by})`)
        .join(', ');
      return `it needs ${needText(problem.requirement)}; offered is ${found}`;
    }
    case 'singleton-conflict':
      if (problem.because === 'needed')
        return `it needs what '${problem.chosen}' offers, and only one version of '${problem.symbolicName}' may be resolved`;
      return `only one version of '${problem.symbolicName}' may be resolved, and '${problem.chosen}' is, ${CHOSEN[problem.because]}`;
    case 'chain': {
      const path = problem.path.map((key) => `'${key}'`);
      if (problem.omitted > 0) path.splice(path.length / 2, 0, `${problem.omitted} more`);
      return `it needs ${needText(problem.requirement)}, whose provider does not resolve (${path.join(' -> ')}): ${reasonOf(problem.cause)}`;
    }
    case 'contract-conflict': {
      const through = needText(problem.through);
      const sees = `'${problem.bundle}' sees major ${problem.sees.join(', ')} of '${problem.contract}'`;
      return `it exchanges values with '${problem.other}' through ${through}, but ${sees} and '${problem.other}' sees ${problem.otherSees.join(', ')}`;
    }
    case 'cycle':
      return `it imports a package that in turn needs it, so that none can be loaded first (${circleText(problem.path, problem.packages)})`;
    case 'budget':
      return `the resolver gave up after ${problem.steps} steps, before an answer was found`;
  }
}

const CHOSEN = {
  wired: 'because it was resolved before',
  required: 'because it is required',
  version: 'because its version is higher',
  order: 'because it was installed first',
} as const;

function needText({ namespace, name, range, filter }: RequirementData): string {
  const kind = { [CONTRACT_NAMESPACE]: 'contract', [PACKAGE_NAMESPACE]: 'package', [BUNDLE_NAMESPACE]: 'bundle' }[namespace];
  const subject =
    name === SDK_PACKAGE ? 'the SDK' : kind === undefined || name === '' ? `a capability of '${namespace}'` : `${kind} '${name}'`;
  return `${subject}${range === null ? '' : ` in ${range}`}${filter === null ? '' : ` with ${filter}`}`;
}

function circleText(path: readonly string[], packages: readonly string[]): string {
  const steps = path.map((key, index) => `'${key}' imports '${packages[index] ?? ''}' from`);
  return `${steps.join(' ')} '${path[0] ?? ''}'`;
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}
