/** What became of a file, as it is written beside it for people and scripts: `<file>.status.json`. Pure; nothing is decided by it. */
import type { DeployOutcome } from '@sluice/sdk';

/** The part that tells what happened. */
export interface FileAnswer {
  /** `deploying` stays only when the process ended meanwhile; `incomplete` and `deferred` are tried again. */
  readonly outcome: 'deploying' | 'committed' | 'refused' | 'rolled-back' | 'incomplete' | 'deferred';
  readonly deployId?: string;
  readonly generation?: number;
  readonly error?: { readonly code: string; readonly message: string };
}

/** The content of a status file. */
export interface FileStatus extends FileAnswer {
  readonly file: string;
  /** SHA-256 of the content this is about, hex. */
  readonly digest: string;
  /** ISO 8601. */
  readonly at: string;
  /** The bundle the file brought. */
  readonly bundle?: { readonly symbolicName: string; readonly version: string };
}

/** What the kernel answered, for a status file. */
export function answerOf({ outcome, deployId, generation, error }: DeployOutcome): FileAnswer {
  return {
    outcome: outcome === 'planned' ? 'deferred' : outcome,
    deployId,
    generation,
    ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
  };
}
