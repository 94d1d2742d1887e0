/** The parser over the description of the commands: what runs, what is refused, and that the description is sound. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import type { CommandSpec } from '@sluice/kernel/cli/command';
import { COMMANDS } from '@sluice/kernel/cli/commands';
import { parseCommandLine } from '@sluice/kernel/cli/program';

function parse(...words: readonly string[]): unknown {
  const written: string[] = [];
  const parsed = parseCommandLine(COMMANDS, ['node', 'sluice', ...words], {
    out: (text) => void written.push(text),
    note: (text) => void written.push(`! ${text}`),
  });
  if (parsed.kind === 'done') return { exitCode: parsed.exitCode, text: written.join('') };
  return { command: parsed.command.name, ...parsed.input };
}

describe('command line', () => {
  it('finds command, arguments and options, global ones before or after', () => {
    deepStrictEqual(parse('deploy', 'a.tgz', 'b.tgz', '--watch', '30s', '-n', '--json', '-d', '/data'), {
      command: 'deploy',
      arguments: ['a.tgz', 'b.tgz'],
      options: { watch: '30s', dryRun: true, json: true, data: '/data' },
    });
    deepStrictEqual(parse('--data', '/data', 'ls'), { command: 'ls', arguments: [], options: { data: '/data' } });
    deepStrictEqual(parse('config', 'set', 'hello', 'a=1', 'b='), {
      command: 'config set',
      arguments: ['hello', 'a=1', 'b='],
      options: {},
    });
    deepStrictEqual(parse('start', '--no-bundles'), { command: 'start', arguments: [], options: { bundles: false } });
    deepStrictEqual(parse('complete', '--', 'dep', '--wa'), { command: 'complete', arguments: ['dep', '--wa'], options: {} });
  });

  it('refuses slips with exit code 2 and the nearest name', () => {
    const wrong = (...words: readonly string[]): string => {
      const result = parse(...words) as { exitCode: number; text: string };
      strictEqual(result.exitCode, 2);
      return result.text;
    };
    ok(wrong('deplyo').includes('(Did you mean deploy?)'));
    ok(wrong('deploy', 'a.tgz', '--wach', '1s').includes('(Did you mean --watch?)'));
    ok(wrong('deploy').includes("missing required argument 'artifacts'"));
    ok(wrong('completion', 'tcsh').includes('Allowed choices are bash, zsh, fish'));
    ok(wrong('ls', 'a', 'b').includes('too many arguments'));
    ok(wrong('config').includes('Usage: sluice config'));
  });

  it('prints help and version with exit code 0', () => {
    strictEqual((parse('--version') as { exitCode: number }).exitCode, 0);
    const help = parse('deploy', '--help') as { exitCode: number; text: string };
    strictEqual(help.exitCode, 0);
    ok(help.text.includes('-w, --watch <duration>') && help.text.includes('sluice deploy build/bundles'));
  });

  it('has a summary, a module and no clash of flags for every command', () => {
    const remote = ['--server', '--token-file', '--ca-file', '--client-cert'];
    const globals = new Set(['-d', '--data', '--json', '--actor', ...remote, '-V', '--version', '-h', '--help']);
    const mistakes = COMMANDS.flatMap((command: CommandSpec) => {
      const flags = (command.options ?? []).flatMap((option) => option.flags.split(/[ ,]+/).filter((part) => part.startsWith('-')));
      const twice = flags.filter((flag, index) => globals.has(flag) || flags.indexOf(flag) !== index);
      const bad = command.summary.endsWith('.') || command.summary.length > 70 ? ['summary'] : [];
      return [...twice, ...bad, ...(typeof command.load().run === 'function' ? [] : ['load'])].map((what) => `${command.name}: ${what}`);
    });
    deepStrictEqual(mistakes, []);
  });
});
