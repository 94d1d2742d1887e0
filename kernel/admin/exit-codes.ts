/** Exit codes of the command line and how outcomes and error codes map to them. Pure; documented in docs/reference/cli.md. */
import type { ChangeOutcome } from '../lifecycle/runtime.js';

/** Exit codes. Stable: scripts depend on them. */
export const EXIT = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  refused: 3,
  notFound: 4,
  conflict: 5,
  notRunning: 6,
  rolledBack: 7,
  buildFailed: 8,
  notCollected: 9,
  interrupted: 130,
} as const;

/** One of the exit codes. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What each exit code means, for help and documentation. */
export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'Done as asked.',
  unexpected: 'Something failed that should not; the message has the cause.',
  usage: 'The command line is wrong; nothing was done.',
  refused: 'The change was checked and refused; everything is as before.',
  notFound: 'The named bundle, file or entry does not exist.',
  conflict: 'Somebody else changed or holds it: another generation, another running change, a locked data folder.',
  notRunning: 'No kernel runs on the data folder.',
  rolledBack: 'The change was made, did worse than before, and was taken back.',
  buildFailed: 'The bundle does not build, or its tests fail.',
  notCollected: 'At least one replaced revision is still held in memory.',
  interrupted: 'Stopped by the user.',
};

/** Exit code of an outcome. */
export function exitCodeOfOutcome(outcome: ChangeOutcome): ExitCode {
  if (outcome.outcome === 'rolled-back') return EXIT.rolledBack;
  if (outcome.outcome === 'refused') return outcome.error === undefined ? EXIT.refused : exitCodeOfError(outcome.error.code, 422);
  return outcome.outcome === 'planned' && outcome.plan.problems.length > 0 ? EXIT.refused : EXIT.ok;
}

/** Exit code of an error by its stable code and, where the code tells nothing, by its HTTP status. */
export function exitCodeOfError(code: string, httpStatus: number): ExitCode {
  if (code === 'KERNEL_NOT_RUNNING' || code === 'SERVER_UNREACHABLE') return EXIT.notRunning;
  if (code.startsWith('USAGE_')) return EXIT.usage;
  if (code.startsWith('BUILD_')) return EXIT.buildFailed;
  if (code.endsWith('_CONFLICT') || code.endsWith('_LOCKED') || code.endsWith('_BUSY') || httpStatus === 409) return EXIT.conflict;
  if (code.endsWith('_UNKNOWN') || httpStatus === 404) return EXIT.notFound;
  return httpStatus >= 400 && httpStatus < 500 ? EXIT.refused : EXIT.unexpected;
}
