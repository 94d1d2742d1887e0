/** Every command of `sluice`, as data. Each names the module that runs it and loads it only then. */
import { CHANGING_COMMANDS } from './catalogue/changing.js';
import { DEVELOPING_COMMANDS } from './catalogue/developing.js';
import { LOOKING_COMMANDS } from './catalogue/looking.js';
import { RELEASING_COMMANDS } from './catalogue/releasing.js';
import { RUNNING_COMMANDS } from './catalogue/running.js';
import { TRUSTING_COMMANDS } from './catalogue/trusting.js';
import type { CommandSpec } from './command.js';

/** The commands, in the order of the help. */
export const COMMANDS: readonly CommandSpec[] = [
  ...RUNNING_COMMANDS,
  ...LOOKING_COMMANDS,
  ...CHANGING_COMMANDS,
  ...RELEASING_COMMANDS,
  ...TRUSTING_COMMANDS,
  ...DEVELOPING_COMMANDS,
];
