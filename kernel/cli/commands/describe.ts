/** `sluice config describe`: what the configuration of a bundle can hold, from the schema in its manifest. */
import { CARDINALITY_UNLIMITED, objectClassOf, type AttributeDefinition, type ObjectClassDefinition } from '@sluice/sdk';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import { bundleArgument } from '../change.js';
import type { CommandContext, CommandInput } from '../command.js';
import { renderTable, type Column } from '../table.js';

interface Row {
  readonly key: string;
  readonly attribute: AttributeDefinition;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'KEY', value: (row) => row.key, style: () => 'strong' },
  { title: 'TYPE', value: (row) => typeText(row.attribute) },
  { title: 'DEFAULT', value: ({ attribute }) => defaultText(attribute) },
  { title: 'ALLOWED', value: (row) => allowedText(row.attribute), flexible: true },
  { title: 'MEANING', value: ({ attribute }) => attribute.description ?? '', flexible: true },
];

/** Runs `sluice config describe <bundle>`. */
export async function describe(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const bundle = bundleArgument(input);
  const { manifest } = await context.client().inspect(bundle);
  const { config } = (manifest as { readonly sluice?: { readonly config?: Parameters<typeof objectClassOf>[1] } }).sluice ?? {};
  const described = config === undefined ? null : objectClassOf(bundle, config);
  if (context.json) context.terminal.out(JSON.stringify(described));
  else {
    const rows = described === null ? [] : rowsOf(described);
    for (const line of renderTable(context.terminal, COLUMNS, rows, 'The bundle has no configuration')) context.terminal.out(line);
  }
  return EXIT.ok;
}

/** Values inside objects under their paths, configurations of a factory under the key they get. */
function rowsOf({ attributes, factories }: ObjectClassDefinition): readonly Row[] {
  return [
    ...attributesUnder('', attributes),
    ...factories.flatMap((factory) => attributesUnder(`${factory.id}~<name>.`, factory.attributes)),
  ];
}

function attributesUnder(prefix: string, attributes: readonly AttributeDefinition[]): readonly Row[] {
  return attributes.flatMap((attribute) => {
    const key = `${prefix}${attribute.id}`;
    const inside = attributesUnder(`${key}.`, attribute.attributes ?? []);
    return inside.length > 0 ? inside : [{ key, attribute }];
  });
}

function typeText({ type, cardinality }: AttributeDefinition): string {
  if (cardinality === 0) return type;
  return cardinality === CARDINALITY_UNLIMITED ? `${type}[]` : `${type}[${cardinality}]`;
}

function defaultText({ required, default: standsIn }: AttributeDefinition): string {
  if (required) return '(required)';
  return standsIn === undefined ? '' : typeof standsIn === 'string' ? standsIn : JSON.stringify(standsIn);
}

function allowedText({ options, min, max, pattern, type }: AttributeDefinition): string {
  if (options !== undefined) return options.map(({ value }) => String(value)).join(', ');
  const unit = type === 'string' || type === 'password' ? ' characters' : '';
  const range = min === undefined && max === undefined ? '' : `${min ?? ''}..${max ?? ''}${unit}`;
  return [range, pattern === undefined ? '' : `/${pattern}/`].filter((part) => part !== '').join(' ');
}
