/** Why a bundle is in its state: start level, resolver, components, configuration, health. What it lacks is followed to whoever lacks it first. */
import { BUNDLE_NAMESPACE } from '../resolver/index.js';
import type { Bundle } from './bundle.js';
import { below, type ExplainPorts } from './explain-causes.js';
import { whyConfigurationRefused, whyRefusedNow } from './explain-configuration.js';
import { whyStopped } from './explain-history.js';
import { whyUnresolved } from './explain-resolver.js';
import type { Cause } from './runtime.js';

/** How a bundle is explained. */
export interface BundleQuestion {
  /** Bundles whose causes are being told already. */
  readonly asked?: ReadonlySet<string>;
  /** Only this component of it. */
  readonly component?: string;
}

/** The state of a bundle, then its causes. */
export async function explainBundle(bundle: Bundle, ports: ExplainPorts, question: BundleQuestion = {}): Promise<readonly Cause[]> {
  const asked = new Set([...(question.asked ?? []), bundle.symbolicName]);
  if (question.component !== undefined) return whyComponents(bundle, ports, asked, question.component);
  const head: Cause = {
    subject: bundle.symbolicName,
    area: 'state',
    depth: 0,
    statement: `is ${bundle.state}${bundle.current === null ? '' : ` with version ${bundle.version}`}`,
  };
  const causes =
    bundle.current === null
      ? await whyNotActive(bundle, ports)
      : [
          ...(await whyComponents(bundle, ports, asked)),
          ...(await whyUnserved(bundle, ports, asked)),
          ...(await whyRefusedNow(bundle, ports)),
          ...(await whyUnhealthy(bundle, ports)),
          ...whyTwo(bundle),
        ];
  return [head, ...below(causes)];
}

async function whyNotActive(bundle: Bundle, ports: ExplainPorts): Promise<readonly Cause[]> {
  const { state } = ports;
  const subject = bundle.symbolicName;
  const about = { subject, area: 'state', depth: 0 } as const;
  if (bundle.isFragment) {
    const hosts = (state.wiring.get(bundle.key) ?? []).filter(({ requirement }) => requirement.namespace === BUNDLE_NAMESPACE);
    if (hosts.length === 0) return whyUnresolved(bundle, ports.state);
    return [{ ...about, statement: `is a fragment and attached to ${hosts.map(({ provider }) => `'${provider}'`).join(', ')}` }];
  }
  if (bundle.error !== null) {
    const { code, message, remedy } = bundle.error;
    const mistakes = code === 'CONFIG_INVALID' ? await whyConfigurationRefused(bundle, ports, bundle.error.details) : [];
    const command = mistakes.length > 0 ? {} : { command: `sluice logs ${subject} -l warn` };
    const area = areaOf(code);
    return [
      { ...about, area, statement: `could not be started: ${message}`, ...(remedy === undefined ? {} : { remedy }), ...command },
      ...below(mistakes),
    ];
  }
  if (!bundle.autostart) return [whyStopped(bundle, state), ...below(whyUnresolved(bundle, ports.state))];
  if (bundle.startLevel > state.startLevel) {
    const statement = `has start level ${bundle.startLevel}, the framework is at ${state.startLevel}`;
    return [{ ...about, statement, remedy: `Raise the framework's start level to ${bundle.startLevel}.` }];
  }
  const unresolved = whyUnresolved(bundle, ports.state);
  if (unresolved.length > 0) return unresolved;
  return [{ ...about, statement: 'would start now: what it lacked is there', command: `sluice start ${subject}` }];
}

function areaOf(code: string): Cause['area'] {
  if (code.startsWith('HEALTH_')) return 'health';
  if (code.startsWith('COMPONENT_')) return 'component';
  return code === 'CONFIG_INVALID' ? 'configuration' : 'state';
}

/** Components that are not active, with what they lack; one that is asked for by name is told in any case. */
async function whyComponents(bundle: Bundle, ports: ExplainPorts, asked: ReadonlySet<string>, only?: string): Promise<readonly Cause[]> {
  const causes: Cause[] = [];
  for (const component of bundle.current?.components() ?? []) {
    if (only === undefined ? component.state === 'active' || component.state === 'satisfied' : component.name !== only) continue;
    const subject = `${bundle.symbolicName}/${component.name}`;
    const reason = component.reason === undefined ? '' : `: ${component.reason}`;
    const command = component.state === 'failed' ? { command: `sluice logs ${bundle.symbolicName} -l warn` } : {};
    causes.push({ subject, area: 'component', depth: 0, statement: `is ${component.state}${reason}`, ...command });
    for (const { contract, satisfied, cardinality, policy, bound } of component.references) {
      if (!satisfied) causes.push(...below(await whyMissing(contract, ports, asked)));
      else if (only !== undefined) {
        const to = bound.length === 0 ? 'nothing, which is allowed' : bound.join(', ');
        causes.push({ subject: contract, area: 'service', depth: 1, statement: `(${cardinality} ${policy}) is bound to ${to}` });
      }
    }
  }
  return causes;
}

/** What the code of the bundle looks up by itself and does not find. What its components lack has been told with them. */
async function whyUnserved(bundle: Bundle, ports: ExplainPorts, asked: ReadonlySet<string>): Promise<readonly Cause[]> {
  const told = new Set((bundle.current?.components() ?? []).flatMap(({ references }) => references.map(({ contract }) => contract)));
  const wanted = bundle.artifact.manifest.requires.filter(({ contract, optional }) => !optional && !told.has(contract));
  if (wanted.length === 0) return [];
  const served = new Set(ports.state.registry.services().map(({ contract }) => contract));
  const causes: Cause[] = [];
  for (const { contract } of wanted) if (!served.has(contract)) causes.push(...(await whyMissing(contract, ports, asked)));
  return causes;
}

async function whyUnhealthy(bundle: Bundle, ports: ExplainPorts): Promise<readonly Cause[]> {
  const checks = await ports.health(bundle.symbolicName);
  return checks
    .filter(({ status }) => status !== 'OK')
    .map(({ name, status, message }) => ({
      subject: `${bundle.symbolicName}, check '${name}'`,
      area: 'health' as const,
      depth: 0,
      statement: `is ${status}${message === undefined ? '' : `: ${message}`}`,
      command: `sluice logs ${bundle.symbolicName} -l warn`,
    }));
}

function whyTwo({ older, symbolicName }: Bundle): readonly Cause[] {
  if (older === null) return [];
  const statement = 'is the revision before; it waits for the end of probation or of its last entries';
  return [{ subject: older.key, area: 'history', depth: 0, statement, command: `sluice confirm, or sluice rollback ${symbolicName}` }];
}

/**
 * The installed providers of a contract, each with the causes of its own state.
 * @param asked bundles whose causes are being told already: a circle of needs is told once.
 */
export async function whyMissing(contract: string, ports: ExplainPorts, asked: ReadonlySet<string> = new Set()): Promise<readonly Cause[]> {
  const providers = ports.state
    .inOrder()
    .filter((one) => one.artifact.manifest.provides.some((provided) => provided.contract === contract));
  const about = { subject: contract, area: 'service', depth: 0 } as const;
  if (providers.length === 0) {
    const remedy = `Deploy a bundle that provides '${contract}'.`;
    return [{ ...about, statement: 'is provided by no installed bundle', remedy, command: 'sluice plan <artifact>' }];
  }
  const causes: Cause[] = [];
  for (const one of providers) {
    const running = one.current !== null;
    const statement = `is provided by '${one.symbolicName}', which is ${one.state}${running ? ' but has not registered the service' : ''}`;
    const command = running
      ? `sluice inspect ${one.symbolicName}`
      : one.autostart
        ? `sluice why ${one.symbolicName}`
        : `sluice start ${one.symbolicName}`;
    causes.push({ ...about, statement, command });
    if (asked.has(one.symbolicName)) continue;
    const [, ...deeper] = await explainBundle(one, ports, { asked });
    causes.push(...deeper);
  }
  return causes;
}
