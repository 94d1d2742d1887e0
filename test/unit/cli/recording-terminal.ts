/** A terminal that keeps what was written, with colours shown as marks. */
import type { Terminal } from '@sluice/kernel/cli/terminal';

/** The terminal and its lines; `!` marks lines on standard error, `~` progress. */
export function recordingTerminal(columns = Infinity): Terminal & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    columns,
    out: (line) => void lines.push(line),
    note: (line) => void lines.push(`! ${line}`),
    progress: (line) => void lines.push(`~ ${line}`),
    paint: (style, text) => (style === 'faint' ? text : `<${style}>${text}</>`),
  };
}
