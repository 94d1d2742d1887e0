/**
 * How the tool-chain reports mistakes: all of them at once, as one SluiceError whose details carry the list.
 * Owned here: the shape and the text. What counts as a mistake is decided by build, derive and pack.
 */
import { SluiceError } from '@sluice/sdk';

/** One mistake in a bundle folder. */
export interface BuildProblem {
  /** Stable code, `BUILD_*`. */
  readonly code: string;
  /** What was found and what was expected. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string;
  /** `file:line:column` in the bundle folder, where known. */
  readonly place?: string;
}

/**
 * Throws when there is at least one problem. One problem keeps its own code, several become `BUILD_REFUSED`.
 * @param subject name of the bundle or folder, for the first part of the message.
 */
export function refuseIfAny(action: 'build' | 'pack', subject: string, problems: readonly BuildProblem[]): void {
  const [first] = problems;
  if (first === undefined) return;
  const single = problems.length === 1;
  const list = problems.map((problem) => (single ? '' : '\n  - ') + describeProblem(problem, !single)).join('');
  throw new SluiceError(single ? first.code : 'BUILD_REFUSED', `Cannot ${action} '${subject}': ${list}`, {
    details: { subject, problems },
    ...(single && first.remedy !== undefined ? { remedy: first.remedy } : {}),
  });
}

function describeProblem(problem: BuildProblem, withRemedy: boolean): string {
  const place = problem.place === undefined ? '' : ` (${problem.place})`;
  const remedy = withRemedy && problem.remedy !== undefined ? ` ${problem.remedy}` : '';
  return `${problem.message}${place}${remedy === '' ? '' : '.'}${remedy}`;
}
