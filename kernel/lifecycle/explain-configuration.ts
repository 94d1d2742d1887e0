/** Which configuration values a bundle refuses, where each was set, and the command that changes it. Never shows a secret. */
import { isSluiceError } from '@sluice/sdk';
import type { Bundle } from './bundle.js';
import type { ExplainPorts } from './explain-causes.js';
import type { Cause, ConfigValue } from './runtime.js';

interface Mistake {
  readonly path: string;
  readonly message: string;
}

/** The refused values named in the details of a `CONFIG_INVALID`. */
export async function whyConfigurationRefused(
  bundle: Bundle,
  ports: ExplainPorts,
  details: Readonly<Record<string, unknown>>,
): Promise<readonly Cause[]> {
  const mistakes = Array.isArray(details['mistakes']) ? (details['mistakes'] as readonly Mistake[]) : [];
  const values = await ports.config(bundle.symbolicName).catch((): readonly ConfigValue[] => []);
  return mistakes.map(({ path, message }) => {
    const key = path.split('/')[1] ?? '';
    const value = values.find((one) => one.key === key);
    const found = value === undefined ? '' : `, found ${short(value.value)} from layer '${value.layer}'`;
    return {
      subject: `${bundle.symbolicName} ${path === '' ? 'configuration' : path}`,
      area: 'configuration' as const,
      depth: 0,
      statement: `${message}${found}`,
      ...next(bundle.symbolicName, key, value),
    };
  });
}

/** A running bundle goes on with the values before: what would be refused at its next start. */
export async function whyRefusedNow(bundle: Bundle, ports: ExplainPorts): Promise<readonly Cause[]> {
  try {
    await ports.state.configOf(bundle.artifact.manifest, null);
    return [];
  } catch (error) {
    if (!isSluiceError(error)) throw error;
    const { code, message, remedy, details } = error;
    const subject = bundle.symbolicName;
    const statement = `goes on with its configuration before: ${message}`;
    const head: Cause = {
      subject,
      area: 'configuration',
      depth: 0,
      statement,
      ...(remedy === undefined ? {} : { remedy }),
      command: `sluice config get ${subject}`,
    };
    const refused = code === 'CONFIG_INVALID' ? await whyConfigurationRefused(bundle, ports, details) : [];
    return [head, ...refused.map((cause) => ({ ...cause, depth: cause.depth + 1 }))];
  }
}

function next(bundle: string, key: string, value: ConfigValue | undefined): Pick<Cause, 'remedy' | 'command'> {
  if (key === '') return { command: `sluice config get ${bundle}` };
  switch (value?.layer) {
    case 'runtime':
      return { command: `sluice config set ${bundle} ${key}=` };
    case 'operator':
      return { remedy: `Correct '${key}' in config/${bundle}.json of the data folder.`, command: `sluice config get ${bundle}` };
    default:
      return { command: `sluice config set ${bundle} ${key}=<value>` };
  }
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
