/** `sluice config get | set | history`. */
import { SluiceError } from '../../admin/errors.js';
import type { ConfigHistoryEntry, ConfigValue } from '../../admin/contract.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import { bundleArgument } from '../change.js';
import type { CommandContext, CommandInput } from '../command.js';
import { formatTime } from '../format.js';
import { renderTable, type Column } from '../table.js';

const VALUE_COLUMNS: readonly Column<ConfigValue>[] = [
  { title: 'KEY', value: (row) => row.key, style: () => 'strong' },
  { title: 'VALUE', value: (row) => shown(row.value), flexible: true },
  { title: 'FROM', value: (row) => row.layer, style: (row) => (row.layer === 'runtime' ? 'warning' : 'faint') },
];

const CHANGE_COLUMNS: readonly Column<ConfigHistoryEntry>[] = [
  { title: 'TIME', value: (row) => formatTime(row.at) },
  { title: 'ACTOR', value: (row) => row.actor },
  { title: 'KEY', value: (row) => row.key, style: () => 'strong' },
  { title: 'BEFORE', value: (row) => shown(row.before), flexible: true },
  { title: 'AFTER', value: (row) => shown(row.after), flexible: true },
  { title: 'LAYER', value: (row) => row.layer },
];

/** Runs `sluice config get <bundle> [key]`. A single value of one key is printed as it is, for scripts. */
export async function get(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const bundle = bundleArgument(input);
  const [, key] = input.arguments;
  const values = await context.client().configOf(bundle);
  if (key === undefined) return printValues(context, values);
  const found = values.find((value) => value.key === key);
  if (found === undefined) {
    throw new SluiceError('CONFIG_KEY_UNKNOWN', `Bundle '${bundle}' has no configuration key '${key}'`, {
      details: { known: values.map((value) => value.key) },
      httpStatus: 404,
      remedy: `\`sluice config get ${bundle}\` lists the keys`,
    });
  }
  context.terminal.out(context.json ? JSON.stringify(found) : shown(found.value));
  return EXIT.ok;
}

/** Runs `sluice config set <bundle> <key=value...>`. */
export async function set(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const bundle = bundleArgument(input);
  const changes: Record<string, unknown> = {};
  const unset: string[] = [];
  for (const assignment of input.arguments.slice(1)) {
    const at = assignment.indexOf('=');
    if (at <= 0) {
      throw new SluiceError('USAGE_ASSIGNMENT', `Cannot read '${assignment}': expected key=value, or key= to remove the value`, {
        httpStatus: 400,
      });
    }
    const text = assignment.slice(at + 1);
    if (text === '') unset.push(assignment.slice(0, at));
    else changes[assignment.slice(0, at)] = parseValue(text, input.options['string'] === true);
  }
  return printValues(context, await context.client().configSet(bundle, { set: changes, unset }));
}

/** Runs `sluice config history <bundle>`. */
export async function history(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const changes = await context.client().configHistory(bundleArgument(input));
  if (context.json) context.terminal.out(JSON.stringify(changes));
  else for (const line of renderTable(context.terminal, CHANGE_COLUMNS, changes, 'Nothing was changed yet')) context.terminal.out(line);
  return EXIT.ok;
}

function printValues(context: CommandContext, values: readonly ConfigValue[]): ExitCode {
  if (context.json) context.terminal.out(JSON.stringify(values));
  else
    for (const line of renderTable(context.terminal, VALUE_COLUMNS, values, 'The bundle has no configuration')) context.terminal.out(line);
  return EXIT.ok;
}

/** JSON where it is JSON (numbers, true, lists), a text otherwise. */
function parseValue(text: string, asString: boolean): unknown {
  if (asString) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
