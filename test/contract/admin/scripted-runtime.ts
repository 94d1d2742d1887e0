/** A runtime that answers with prepared values and records what it was asked. For tests of the admin protocol only. */
import { SluiceError } from '@sluice/sdk';
import type {
  BundleDetail,
  Cause,
  ChangeOptions,
  ChangeOutcome,
  DesiredStateDocument,
  HistoryEntry,
  LogLine,
  ReleaseEntry,
  Runtime,
  RuntimeStatus,
  SystemFigures,
} from '@sluice/kernel/lifecycle/runtime';
import type { Release } from '@sluice/kernel/model/index';

const HELD = { kind: 'timer', remedy: 'Use ctx.clock', holders: ['timer: Timeout'] } as const;

export const FIGURES: SystemFigures = {
  ...{ at: 1_000, startedAt: 0, generation: 8, startLevel: 50, alarms: 0, heapMeasuredAt: null },
  process: {
    ...{ pid: 4711, heapUsedBytes: 1, heapTotalBytes: 2, externalBytes: 3, arrayBuffersBytes: 4, rssBytes: 5 },
    ...{ cpuUserMs: 6, cpuSystemMs: 7, loopActiveMs: 8, loopIdleMs: 9 },
  },
  registry: { services: 40 },
  replaced: { collected: 1, pending: 0, held: 1 },
  changes: [{ kind: 'deploy', outcome: 'committed', count: 7, totalMs: 70 }],
  bundles: [
    {
      ...{ symbolicName: 'core.ledger', version: '1.1.0', revision: 2, state: 'ACTIVE', family: 'core', tier: 'inline', lingering: 1 },
      entries: [
        {
          kind: 'request',
          ended: 100,
          failed: 2,
          totalMs: 150,
          buckets: [
            [1.024, 98],
            [10.24, 2],
          ],
        },
      ],
      ...{ inFlight: 3, services: 1, references: 2, timers: 1, listeners: 0, artifactBytes: 10_000, heapBytes: null },
    },
  ],
};

export const OUTCOME: ChangeOutcome = {
  deployId: 'd-1',
  outcome: 'committed',
  generation: 8,
  plan: {
    generation: 7,
    changes: [{ symbolicName: 'core.ledger', action: 'swap', from: '1.0.0', to: '1.1.0', tier: 'inline' }],
    rebinds: ['business.transfer'],
    restarts: [],
    routes: [{ mount: '/ledger', from: '1.0.0', to: '1.1.0' }],
    problems: [],
  },
  timings: { stage: 1.5, switch: 0.1 },
  drained: { waitedMs: 12, cut: 0 },
  onTrial: true,
};

export const STATUS: RuntimeStatus = {
  version: '0.1.0',
  node: '20.20.2',
  pid: 4711,
  startedAt: 1_700_000_000_000,
  dataFolder: '/data',
  generation: 8,
  startLevel: 50,
  phase: 'running',
  bundles: { total: 12, active: 11, failed: 1 },
  services: 40,
  entries: 3,
  memory: { heapUsedBytes: 1, rssBytes: 2 },
  trial: { deployId: 'd-1', endsAt: 1_700_000_030_000, bundles: ['core.ledger'] },
  alarms: [{ code: 'STORE_DIGEST_MISMATCH', message: 'a blob changed', details: { digest: 'ab' } }],
  addresses: ['http://127.0.0.1:8080'],
};

export const DETAIL: BundleDetail = {
  id: 3,
  symbolicName: 'core.ledger',
  version: '1.1.0',
  state: 'ACTIVE',
  startLevel: 10,
  autostart: true,
  revision: 2,
  digest: 'cafe',
  family: 'core',
  tier: 'inline',
  lingering: 1,
  onTrial: true,
  error: { code: 'ACTIVATION_FAILED', message: 'it threw', remedy: 'fix it', details: {} },
  manifest: {
    sluice: {
      sdk: '^1.0.0',
      config: {
        schema: {
          type: 'object',
          required: ['url'],
          properties: {
            url: { type: 'string', minLength: 8, description: 'Address of the network' },
            limit: { type: 'integer', minimum: 1 },
            pool: { type: 'object', properties: { hosts: { type: 'array', items: { enum: ['a', 'b'] } } } },
            rails: { type: 'object', 'x-factory': true, properties: { key: { type: 'string', 'x-secret': true } } },
          },
        },
        defaults: { limit: 5 },
      },
    },
  },
  previous: { version: '1.0.0', digest: 'beef' },
  wires: [{ namespace: 'sluice.contract', name: 'sluice.data.Data', provider: 'system.data@1.0.0' }],
  usedBy: [{ namespace: 'sluice.contract', name: 'core.ledger.Posting', consumer: 'platform.txn@1.0.0' }],
  services: [{ id: 9, contract: 'core.ledger.Posting', version: '1.0.0', users: ['platform.txn'] }],
  components: [
    {
      name: 'Ledger',
      state: 'unsatisfied',
      provides: ['core.ledger.Posting'],
      references: [{ contract: 'sluice.data.Data', cardinality: '1..1', policy: 'dynamic', satisfied: false, bound: [] }],
      reason: 'no service',
    },
  ],
  scope: ['service core.ledger.Posting'],
};

export const LINES: readonly LogLine[] = [
  { sequence: 1, at: 1, level: 'info', source: 'kernel', message: 'started', fields: {} },
  { sequence: 2, at: 2, level: 'warn', source: 'core.ledger', version: '1.1.0', message: 'slow', fields: { ms: 12n } },
];

const desiredBundle = { name: 'core.ledger', version: '1.1.0', digest: 'cafe', autostart: true, startLevel: 20 };

/** The release that was deployed. */
export const RELEASE: ReleaseEntry = {
  ...{ name: 'bank', version: '1.1.0', note: 'faster', deployId: 'd-1', at: 1, actor: 'lin', generation: 7, outcome: 'on-trial' },
  ...{ complete: false, bundles: [desiredBundle], configuration: { 'core.ledger': { limit: 5, old: null } } },
};

/** What is wanted. */
export const DESIRED_STATE: DesiredStateDocument = {
  ...{ generation: 7, startLevel: 100, release: { name: 'bank', version: '1.1.0' }, bundles: [{ ...desiredBundle, tier: 'worker' }] },
  ...{ configuration: { 'core.ledger': { limit: 5 } }, omitted: [{ bundle: 'core.ledger', key: 'password' }] },
};

/** A runtime and what it was asked, in order. */
export class ScriptedRuntime implements Runtime {
  readonly calls: unknown[][] = [];
  readonly logListeners = new Set<(line: LogLine) => void>();
  readonly eventListeners = new Set<(event: { at: number; kind: string; subject: string; message: string }) => void>();
  outcome: ChangeOutcome = OUTCOME;
  failure: unknown;

  status = (): RuntimeStatus => STATUS;
  bundles = () => {
    const { manifest: _m, previous: _p, wires: _w, usedBy: _u, services: _s, components: _c, scope: _o, ...summary } = DETAIL;
    return [summary];
  };
  inspect = (bundle: string): BundleDetail => {
    if (bundle === DETAIL.symbolicName) return DETAIL;
    throw new SluiceError('BUNDLE_UNKNOWN', `Bundle '${bundle}' is not installed`, { details: { nearest: ['core.ledger'] } });
  };
  why = async (subject: string): Promise<readonly Cause[]> => [
    { subject, statement: 'it is active', area: 'state', depth: 0, remedy: 'nothing', command: 'sluice ls', at: 5 },
  ];
  services = (filter?: string) => {
    this.calls.push(['services', filter]);
    return [
      {
        id: 9,
        contract: 'core.ledger.Posting',
        version: '1.0.0',
        bundle: 'core.ledger',
        bundleVersion: '1.1.0',
        ranking: 0,
        scope: 'singleton',
        properties: { currency: 'CNY' },
        users: ['platform.txn'],
      },
    ];
  };
  routes = () => [{ method: 'GET', path: '/ledger/accounts', bundle: 'core.ledger', version: '1.1.0', operationId: 'accounts' }];
  history = (limit: number): readonly HistoryEntry[] => {
    this.calls.push(['history', limit]);
    return [
      {
        deployId: 'd-1',
        at: 1,
        kind: 'deploy',
        actor: 'lin',
        outcome: 'refused' as const,
        generation: null,
        bundles: [{ symbolicName: 'core.ledger', from: null, to: '1.0.0' }],
        error: { code: 'X', message: 'y', details: {} },
      },
    ];
  };

  deploy = (artifacts: readonly Uint8Array[], options: ChangeOptions) => this.change('deploy', textsOf(artifacts), options);
  deployRelease = (release: Release, artifacts: readonly Uint8Array[], options: ChangeOptions) =>
    this.change('deployRelease', [release.name, ...textsOf(artifacts)], options);
  rollbackRelease = (options: ChangeOptions) => this.change('rollbackRelease', null, options);
  releases = () => [RELEASE];
  desiredState = async () => DESIRED_STATE;
  artifactOf = async (name: string) => ({ name, version: '1.1.0', digest: 'cafe', base64: 'AAAA' });
  install = (artifacts: readonly Uint8Array[], options: ChangeOptions) => this.change('install', textsOf(artifacts), options);
  start = (bundle: string, options: ChangeOptions) => this.change('start', bundle, options);
  stop = (bundle: string, options: ChangeOptions) => this.change('stop', bundle, options);
  uninstall = (bundle: string, options: ChangeOptions) => this.change('uninstall', bundle, options);
  update = (artifact: Uint8Array, options: ChangeOptions) => this.change('update', textsOf([artifact]), options);
  rollback = (bundle: string, options: ChangeOptions) => this.change('rollback', bundle, options);
  confirm = (actor: string) => this.change('confirm', actor, { actor });
  setStartLevel = (level: number, options: ChangeOptions) => this.change('setStartLevel', level, options);

  configOf = async (_bundle: string) => [{ key: 'limit', value: 5, layer: 'operator' as const, secret: false }];
  configSet = async (bundle: string, values: Readonly<Record<string, unknown>>, actor: string) => {
    this.calls.push(['configSet', bundle, values, actor]);
  };
  configHistory = async (_bundle: string) => [{ at: 1, actor: 'lin', key: 'limit', layer: 'runtime', before: null, after: 5 }];
  logs = (query: object) => {
    this.calls.push(['logs', query]);
    return LINES;
  };
  followLogs = (query: object, line: (line: LogLine) => void) => {
    this.calls.push(['followLogs', query]);
    this.logListeners.add(line);
    return () => this.logListeners.delete(line);
  };
  followEvents = (event: (event: { at: number; kind: string; subject: string; message: string }) => void) => {
    this.eventListeners.add(event);
    return () => this.eventListeners.delete(event);
  };
  leaks = async (options: { collect: boolean }) => {
    this.calls.push(['leaks', options]);
    return [{ bundle: 'core.ledger', version: '1.0.0', revision: 1, collected: 'no' as const, holders: ['timer: Timeout'], held: [HELD] }];
  };
  figures = async (): Promise<SystemFigures> => FIGURES;
  diagnose = async () => [{ name: 'README.txt', text: 'read me' }];
  backup = async (target: string) => ({ path: target, bytes: 3, digest: 'abc', elsewhere: [{ part: 'db', note: 'Copy it yourself' }] });
  shutdown = async () => {
    this.calls.push(['shutdown']);
  };

  private async change(name: string, subject: unknown, options: ChangeOptions): Promise<ChangeOutcome> {
    const { progress, deployId, ...settings } = options;
    // The server gives a change an id when its client gave none; only the client's are worth a look.
    const isOwn = deployId === undefined || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(deployId);
    this.calls.push([name, subject, isOwn ? settings : { ...settings, deployId }]);
    if (this.failure !== undefined) throw this.failure;
    progress?.({ phase: 'stage', at: 1, bundle: 'core.ledger', message: 'stored' });
    progress?.({ phase: 'switch', at: 2, message: 'switched' });
    return this.outcome;
  }
}

function textsOf(artifacts: readonly Uint8Array[]): string[] {
  return artifacts.map((artifact) => Buffer.from(artifact).toString('utf8'));
}
