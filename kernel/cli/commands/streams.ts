/** `sluice logs` and `sluice events`: lines as they are or as they come. */
import type { FollowLine, LogLine, RuntimeEvent } from '../../admin/contract.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import type { CommandContext, CommandInput } from '../command.js';
import { formatTime, parseWhole } from '../format.js';
import { printable, type Style, type Terminal } from '../terminal.js';

const LEVEL_STYLES: Readonly<Record<string, Style>> = { warn: 'warning', error: 'bad', fatal: 'bad', debug: 'faint', trace: 'faint' };

/** Runs `sluice logs`. */
export async function logs(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const { terminal } = context;
  const [bundle] = input.arguments;
  const { level, lines } = input.options;
  const query = {
    ...(bundle === undefined ? {} : { bundle }),
    ...(typeof level === 'string' ? { level } : {}),
    ...(typeof lines === 'string' ? { limit: parseWhole('lines', lines) } : {}),
  };
  if (input.options['follow'] === true) {
    await context.client().followLogs(query, (line) => printFollowed(context, line, logLine), context.signal);
    return EXIT.ok;
  }
  const found = await context.client().logs(query);
  if (context.json) terminal.out(JSON.stringify(found));
  else for (const line of found) terminal.out(logLine(terminal, line));
  return EXIT.ok;
}

/** Runs `sluice events`. */
export async function events(context: CommandContext): Promise<ExitCode> {
  await context.client().followEvents((line) => printFollowed(context, line, eventLine), context.signal);
  return EXIT.ok;
}

function printFollowed<T>(context: CommandContext, line: FollowLine<T>, render: (terminal: Terminal, value: T) => string): void {
  const { terminal } = context;
  if (line.type === 'dropped') terminal.note(`${line.count} lines were dropped because this reader was too slow`);
  else terminal.out(context.json ? JSON.stringify(line.value) : render(terminal, line.value));
}

function logLine(terminal: Terminal, line: LogLine): string {
  const style = LEVEL_STYLES[line.level];
  const level = line.level.toUpperCase().padEnd(5);
  const fields = Object.entries(line.fields).map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const source = line.version === undefined ? line.source : `${line.source} ${line.version}`;
  return [
    terminal.paint('faint', formatTime(line.at, true)),
    style === undefined ? level : terminal.paint(style, level),
    terminal.paint('strong', printable(source)),
    printable(line.message),
    ...(fields.length === 0 ? [] : [terminal.paint('faint', printable(fields.join(' ')))]),
  ].join(' ');
}

function eventLine(terminal: Terminal, event: RuntimeEvent): string {
  const time = terminal.paint('faint', formatTime(event.at, true));
  return `${time} ${event.kind.padEnd(20)} ${terminal.paint('strong', printable(event.subject))} ${printable(event.message)}`.trimEnd();
}
