/**
 * Shell completion. The scripts are tiny: they hand the words to `sluice complete`, which answers from the description of the commands and,
 * for bundle names, from the running kernel. Everything here but the question to the kernel is pure.
 */
import type { ArgumentSpec, CommandSpec, OptionSpec } from './command.js';

/** Shells with a script. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
/** A shell with a script. */
export type Shell = (typeof SHELLS)[number];

/** The script of a shell, to be sourced by it. */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}

const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# Completion of sluice for bash. Use: source <(sluice completion bash)
_sluice() {
  local IFS=$'\\n' reply
  reply=$(sluice complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
  if [ "$reply" = ":files" ]; then COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")); return; fi
  if [ "$reply" = ":folders" ]; then COMPREPLY=($(compgen -d -- "\${COMP_WORDS[COMP_CWORD]}")); return; fi
  COMPREPLY=($reply)
}
complete -o filenames -F _sluice sluice`,
  zsh: `#compdef sluice
# Completion of sluice for zsh. Use: source <(sluice completion zsh)
_sluice() {
  local -a reply
  reply=("\${(@f)$(sluice complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  case "$reply[1]" in
    ':files') _files ;;
    ':folders') _files -/ ;;
    *) compadd -- $reply ;;
  esac
}
compdef _sluice sluice`,
  fish: `# Completion of sluice for fish. Use: sluice completion fish | source
function __sluice_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l reply (sluice complete -- $words[2..-1] 2>/dev/null)
  switch "$reply[1]"
    case ':files'
      __fish_complete_path (commandline -ct)
    case ':folders'
      __fish_complete_directories (commandline -ct)
    case '*'
      printf '%s\\n' $reply
  end
end
complete -c sluice -f -a '(__sluice_complete)'`,
};

/** What the shell shall offer: words, or paths of its own. */
export type Completion = { readonly kind: 'words'; readonly words: readonly string[] } | { readonly kind: 'files' | 'folders' | 'bundles' };

/**
 * Completes the last of the words typed after `sluice`.
 * @returns words beginning with it, or the kind of thing that somebody else must list.
 */
export function completeWords(commands: readonly CommandSpec[], globals: readonly OptionSpec[], words: readonly string[]): Completion {
  const last = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const command = commandOf(commands, before);
  if (command === undefined) {
    const typed = before.filter((word) => !word.startsWith('-')).join(' ');
    const prefix = typed === '' ? '' : `${typed} `;
    const names = commands.filter((one) => one.name.startsWith(prefix)).map((one) => one.name.slice(prefix.length).split(' ')[0] ?? '');
    return matching([...new Set([...names, ...(typed === '' ? ['help'] : [])])], last);
  }
  const options = [...(command.options ?? []), ...globals];
  const previous = before.at(-1);
  const open = options.find((option) => takesValue(option) && flagsOf(option).includes(previous ?? ''));
  if (open !== undefined)
    return open.choices === undefined ? { kind: open.flags.includes('<folder>') ? 'folders' : 'files' } : matching(open.choices, last);
  if (last.startsWith('-')) return matching(options.flatMap(flagsOf), last);
  return completeArgument(command, positionOf(command, before, options), last);
}

function completeArgument(command: CommandSpec, position: number, last: string): Completion {
  const specs = command.arguments ?? [];
  const final: ArgumentSpec | undefined = specs.at(-1);
  const spec = specs[position] ?? (final?.usage.includes('...') === true ? final : undefined);
  if (spec?.completes === undefined) return { kind: 'words', words: [] };
  if (spec.completes === 'bundle') return { kind: 'bundles' };
  if (spec.completes === 'file') return { kind: 'files' };
  if (spec.completes === 'folder') return { kind: 'folders' };
  return matching(spec.completes, last);
}

/** The command whose whole name stands in the words; the longest name wins. */
function commandOf(commands: readonly CommandSpec[], words: readonly string[]): CommandSpec | undefined {
  const [first = '', second = ''] = words.filter((word) => !word.startsWith('-'));
  return commands.find((one) => one.name === `${first} ${second}`) ?? commands.find((one) => one.name === first);
}

function positionOf(command: CommandSpec, words: readonly string[], options: readonly OptionSpec[]): number {
  let position = -command.name.split(' ').length;
  for (const [index, word] of words.entries()) {
    const isValue = options.some((option) => takesValue(option) && flagsOf(option).includes(words[index - 1] ?? ''));
    if (!word.startsWith('-') && !isValue) position += 1;
  }
  return position;
}

function takesValue(option: OptionSpec): boolean {
  return option.flags.includes('<');
}

function flagsOf(option: OptionSpec): string[] {
  return option.flags.split(/[ ,]+/).filter((part) => part.startsWith('-'));
}

function matching(words: readonly string[], prefix: string): Completion {
  return { kind: 'words', words: words.filter((word) => word.startsWith(prefix)).sort() };
}
