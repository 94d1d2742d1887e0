/** What the shell offers for the words typed so far. */
import { deepStrictEqual, ok } from 'node:assert';
import { COMMANDS } from '@sluice/kernel/cli/commands';
import { completeWords, completionScript, SHELLS } from '@sluice/kernel/cli/completion';
import { GLOBAL_OPTIONS } from '@sluice/kernel/cli/program';

const visible = COMMANDS.filter((command) => command.hidden !== true);
const complete = (...words: readonly string[]): unknown => {
  const completion = completeWords(visible, GLOBAL_OPTIONS, words);
  return completion.kind === 'words' ? completion.words : completion.kind;
};

describe('completion', () => {
  it('offers commands, subcommands and options by their beginning', () => {
    deepStrictEqual(complete('de'), ['deploy', 'dev']);
    deepStrictEqual(complete('conf'), ['config', 'confirm']);
    deepStrictEqual(complete('config', ''), ['describe', 'get', 'history', 'set']);
    deepStrictEqual(complete('deploy', '--w'), ['--wait', '--watch']);
    deepStrictEqual(complete('ls', '--a'), ['--actor']);
    deepStrictEqual(complete('help'), ['help']);
    deepStrictEqual(complete('nonsense', ''), []);
  });

  it('offers bundles, files, folders and choices where an argument wants them', () => {
    deepStrictEqual(complete('inspect', ''), 'bundles');
    deepStrictEqual(complete('config', 'set', 'he'), 'bundles');
    deepStrictEqual(complete('config', 'get', 'hello', ''), []);
    deepStrictEqual(complete('deploy', 'a.tgz', 'b'), 'files');
    deepStrictEqual(complete('dev', ''), 'folders');
    deepStrictEqual(complete('completion', ''), ['bash', 'fish', 'zsh']);
  });

  it('offers the values of an option', () => {
    deepStrictEqual(complete('logs', '--level', ''), ['debug', 'error', 'fatal', 'info', 'trace', 'warn']);
    deepStrictEqual(complete('ls', '--data', ''), 'folders');
    deepStrictEqual(complete('inspect', '-d', '/data', ''), 'bundles');
  });

  it('has a script for each shell, which asks sluice', () => {
    for (const shell of SHELLS) ok(completionScript(shell).includes('sluice complete --'));
  });
});
