/** Options that several commands share, as data. */
import type { OptionSpec } from './command.js';

/** Options of every command that makes a swap. */
export const SWAP_OPTIONS: readonly OptionSpec[] = [
  { flags: '-w, --watch <duration>', summary: 'probation after the switch, e.g. 30s; 0 confirms at once (default: as the kernel is set)' },
  { flags: '--drain <duration>', summary: 'longest wait for entries of the old revision (default: as the manifest says)' },
];

/** Option of what may be temporary. */
export const TEMPORARY_OPTION: OptionSpec = {
  flags: '--temporary <duration>',
  summary: 'take it back unless `sluice confirm` comes within this time after the switch',
};

/** Options of every command that brings an artifact. */
export const ARTIFACT_OPTIONS: readonly OptionSpec[] = [
  { flags: '--tier <tier>', summary: 'isolation tier: inline, worker or process, not weaker than the manifest says; kept from then on' },
  { flags: '--grant-permissions', summary: 'let in what asks for more permissions than before; takes the right to approve' },
  { flags: '--allow-downgrade', summary: 'take a lower version than the one it replaces; takes a right of its own' },
];

/** Options of every command that changes something. */
export const CHANGE_OPTIONS: readonly OptionSpec[] = [
  { flags: '-n, --dry-run', summary: 'show the plan, change nothing' },
  { flags: '--deploy-id <id>', summary: 'id of this change; the same id again tells its outcome instead of repeating it' },
  { flags: '--base-generation <number>', summary: 'refuse when the generation is another than this one' },
];
