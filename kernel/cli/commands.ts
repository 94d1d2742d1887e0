/** Every command of `sluice`, as data. Each names the module that runs it and loads it only then. */
import type { CommandSpec } from './command.js';

/** The commands, in the order of the help. */
export const COMMANDS: readonly CommandSpec[] = [
  {
    name: 'build',
    group: 'Developing',
    summary: 'Bundle a bundle folder into dist/bundle.cjs',
    arguments: [{ usage: '[folder]', summary: 'folder of the bundle (default: the working folder)', completes: 'folder' }],
    load: () => require('./commands/build.js') as typeof import('./commands/build.js'),
  },
  {
    name: 'pack',
    group: 'Developing',
    summary: 'Build bundle folders and write their artifacts',
    description:
      'Builds each folder, derives its contracts, checks the manifest and writes <name>-<version>.tgz. ' +
      'With --all, packs every bundle below plugins/ of the folder, and only those that changed.',
    arguments: [{ usage: '[folders...]', summary: 'folders of bundles (default: the working folder)', completes: 'folder' }],
    options: [
      { flags: '-o, --out <folder>', summary: 'folder of the artifacts (default: build/bundles)' },
      { flags: '--as-version <version>', summary: 'write this version instead of the one in package.json' },
      { flags: '--all', summary: 'every bundle below plugins/ of the folder' },
      { flags: '--force', summary: 'with --all: also what has not changed' },
    ],
    examples: ['sluice pack plugins/core/ledger', 'sluice pack --all'],
    load: () => require('./commands/pack.js') as typeof import('./commands/pack.js'),
  },
];
