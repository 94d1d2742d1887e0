/**
 * JSON Schemas of everything the admin protocol answers. They are checked against the TypeScript types by the compiler (at the end of
 * this file), and by the contract test against real answers, so neither of the two can drift.
 */
import { Type, type Static, type TSchema } from '@sluice/sdk';
import type * as contract from './contract.js';
import { TRUST_SCHEMAS } from './trust-schemas.js';

const text = Type.String;
const integer = Type.Integer;
const number = Type.Number;
const flag = Type.Boolean;
const list = Type.Array;
const optional = Type.Optional;
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const oneOf = <const T extends readonly string[]>(...values: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: values as readonly string[] as string[] });
const record = Type.Record(text(), Type.Unknown());
const closed = { additionalProperties: false } as const;
const object = <P extends Record<string, TSchema>>(properties: P) => Type.Object(properties, closed);

const Problem = object({ code: text(), message: text(), remedy: optional(text()), details: record });

const ProgressEvent = object({
  phase: oneOf(
    'stage',
    'verify',
    'journal',
    'resolve',
    'load',
    'start',
    'probe',
    'commit',
    'switch',
    'drain',
    'probation',
    'release',
    'done',
    'abort',
    'rollback',
  ),
  at: number(),
  bundle: optional(text()),
  message: text(),
});

const ContractChange = object({
  bundle: text(),
  contract: text(),
  from: nullable(text()),
  to: nullable(text()),
  members: list(object({ member: text(), kind: oneOf('added', 'removed', 'changed'), breaking: flag(), text: text() })),
});

const ConfigurationDifference = object({
  bundle: text(),
  key: text(),
  before: optional(Type.Unknown()),
  after: optional(Type.Unknown()),
});

const Tier = oneOf('inline', 'worker', 'process');

const ChangePlan = object({
  generation: integer(),
  changes: list(
    object({
      symbolicName: text(),
      action: oneOf('install', 'swap', 'start', 'stop', 'uninstall', 'nothing'),
      from: nullable(text()),
      to: nullable(text()),
      tier: nullable(Tier),
    }),
  ),
  rebinds: list(text()),
  restarts: list(text()),
  routes: list(object({ mount: text(), from: nullable(text()), to: nullable(text()) })),
  problems: list(Problem),
  unserved: optional(list(object({ bundle: text(), contract: text(), provider: text() }))),
  contracts: optional(list(ContractChange)),
  configuration: optional(list(ConfigurationDifference)),
  migrations: optional(list(object({ bundle: text(), name: text(), phase: oneOf('expand', 'contract') }))),
});

const ChangeOutcome = object({
  deployId: text(),
  outcome: oneOf('planned', 'committed', 'refused', 'rolled-back'),
  generation: integer(),
  plan: ChangePlan,
  error: optional(Problem),
  timings: Type.Record(text(), number()),
  drained: optional(object({ waitedMs: number(), cut: integer() })),
  onTrial: flag(),
});

const summaryProperties = {
  id: integer(),
  symbolicName: text(),
  version: text(),
  state: oneOf('INSTALLED', 'RESOLVED', 'STARTING', 'ACTIVE', 'STOPPING', 'UNINSTALLED'),
  startLevel: integer(),
  autostart: flag(),
  revision: integer(),
  digest: text(),
  family: text(),
  tier: Tier,
  lingering: integer(),
  onTrial: flag(),
  error: optional(Problem),
};

const ComponentSummary = object({
  name: text(),
  state: oneOf('unsatisfied', 'satisfied', 'activating', 'active', 'deactivating', 'failed'),
  provides: list(text()),
  references: list(object({ contract: text(), cardinality: text(), policy: text(), satisfied: flag(), bound: list(text()) })),
  reason: optional(text()),
});

const BundleDetail = object({
  ...summaryProperties,
  manifest: record,
  previous: nullable(object({ version: text(), digest: text() })),
  wires: list(object({ namespace: text(), name: text(), provider: text() })),
  usedBy: list(object({ namespace: text(), name: text(), consumer: text() })),
  services: list(object({ id: integer(), contract: text(), version: text(), users: list(text()) })),
  components: list(ComponentSummary),
  scope: list(text()),
});

const ServiceSummary = object({
  id: integer(),
  contract: text(),
  version: text(),
  bundle: text(),
  bundleVersion: text(),
  ranking: integer(),
  scope: text(),
  properties: record,
  users: list(text()),
});

const HistoryEntry = object({
  deployId: text(),
  at: number(),
  kind: text(),
  actor: text(),
  outcome: oneOf('committed', 'refused', 'rolled-back', 'aborted', 'running'),
  generation: nullable(integer()),
  bundles: list(object({ symbolicName: text(), from: nullable(text()), to: nullable(text()) })),
  error: optional(Problem),
  release: optional(object({ name: text(), version: text() })),
});

const desiredBundle = object({
  name: text(),
  version: text(),
  digest: text(),
  autostart: flag(),
  startLevel: integer(),
  tier: optional(oneOf('inline', 'worker', 'process')),
});
const configuration = Type.Record(text(), record);

const ReleaseEntry = object({
  name: text(),
  version: text(),
  note: optional(text()),
  deployId: text(),
  at: number(),
  actor: text(),
  generation: integer(),
  outcome: oneOf('on-trial', 'confirmed', 'rolled-back'),
  complete: flag(),
  bundles: list(desiredBundle),
  configuration,
});

const DesiredState = object({
  generation: integer(),
  startLevel: integer(),
  release: nullable(object({ name: text(), version: text() })),
  bundles: list(desiredBundle),
  configuration,
  omitted: list(object({ bundle: text(), key: text() })),
});

const LogLine = object({
  sequence: integer(),
  at: number(),
  level: text(),
  source: text(),
  version: optional(text()),
  message: text(),
  fields: record,
});

const RuntimeStatus = object({
  version: text(),
  node: text(),
  pid: integer(),
  startedAt: number(),
  dataFolder: text(),
  generation: integer(),
  startLevel: integer(),
  phase: oneOf('starting', 'running', 'stopping'),
  bundles: object({ total: integer(), active: integer(), failed: integer() }),
  services: integer(),
  entries: integer(),
  memory: object({ heapUsedBytes: integer(), rssBytes: integer() }),
  trial: nullable(object({ deployId: text(), endsAt: number(), bundles: list(text()), temporary: optional(Type.Literal(true)) })),
  release: optional(object({ name: text(), version: text() })),
  alarms: list(Problem),
  addresses: list(text()),
  trust: optional(
    object({ policy: oneOf('off', 'warn', 'require'), auditHead: text(), adminUrl: nullable(text()), unapproved: list(text()) }),
  ),
});

const ConfigValue = object({
  key: text(),
  value: Type.Unknown(),
  layer: oneOf('default', 'shipped', 'operator', 'runtime', 'plugin'),
  secret: flag(),
});

const RuntimeEvent = object({ at: number(), kind: text(), subject: text(), message: text() });
const Dropped = object({ type: Type.Literal('dropped'), count: integer() });
const followed = <T extends TSchema>(value: T) => Type.Union([object({ type: Type.Literal('line'), value }), Dropped]);

const HolderGroup = object({
  kind: oneOf(
    'timer',
    'process listener',
    'event listener',
    'global',
    'patched class',
    'variable of another',
    'native handle',
    'pending promise',
    'collection',
    'left behind',
    'unknown',
  ),
  remedy: text(),
  holders: list(text()),
});

const EntryFigures = object({
  kind: oneOf('request', 'event', 'job', 'timer', 'connection'),
  ended: integer(),
  failed: integer(),
  totalMs: number(),
  buckets: list(Type.Tuple([number(), integer()], { description: 'upper bound in milliseconds, how many took up to that long' })),
});

const BundleFigures = object({
  symbolicName: text(),
  version: text(),
  revision: integer(),
  state: text(),
  family: text(),
  tier: text(),
  lingering: integer(),
  inFlight: integer(),
  entries: list(EntryFigures),
  services: integer(),
  references: integer(),
  timers: integer(),
  listeners: integer(),
  artifactBytes: integer(),
  heapBytes: nullable(integer()),
});

const SystemFigures = object({
  at: number(),
  startedAt: number(),
  generation: integer(),
  startLevel: integer(),
  alarms: integer(),
  process: object({
    pid: integer(),
    heapUsedBytes: integer(),
    heapTotalBytes: integer(),
    externalBytes: integer(),
    arrayBuffersBytes: integer(),
    rssBytes: integer(),
    cpuUserMs: number(),
    cpuSystemMs: number(),
    loopActiveMs: number(),
    loopIdleMs: number(),
  }),
  registry: Type.Record(text(), integer()),
  replaced: object({ collected: integer(), pending: integer(), held: integer() }),
  changes: list(object({ kind: text(), outcome: oneOf('committed', 'refused', 'rolled-back'), count: integer(), totalMs: number() })),
  bundles: list(BundleFigures),
  heapMeasuredAt: nullable(number()),
});

/** The error document. */
export const AdminProblemSchema = object({
  type: text(),
  title: text(),
  status: integer(),
  detail: text(),
  code: text(),
  message: text(),
  remedy: optional(text()),
  details: record,
});

/** A line of the answer to a change. */
export const ChangeLineSchema = Type.Union([
  object({ type: Type.Literal('progress'), event: ProgressEvent }),
  object({ type: Type.Literal('result'), value: ChangeOutcome }),
  object({ type: Type.Literal('problem'), problem: AdminProblemSchema }),
]);

/** Body of a configuration change. */
export const ConfigPatchSchema = object({ set: optional(record), unset: optional(list(text())) });
/** Body of a move of the start level. */
export const StartLevelSchema = object({ level: integer({ minimum: 0, maximum: 100 }) });
/** Body of a backup. */
export const BackupSchema = object({ target: text({ minLength: 1, description: 'absolute path of the archive to write' }) });

const ConfigValues = list(ConfigValue);

/** Schema of every endpoint's answer. */
export const RESULT_SCHEMAS = {
  openapi: record,
  status: RuntimeStatus,
  bundles: list(object(summaryProperties)),
  inspect: BundleDetail,
  why: list(
    object({
      subject: text(),
      statement: text(),
      area: oneOf('state', 'resolver', 'component', 'service', 'route', 'configuration', 'health', 'history'),
      depth: integer(),
      remedy: optional(text()),
      command: optional(text()),
      at: optional(number()),
    }),
  ),
  services: list(ServiceSummary),
  routes: list(object({ method: text(), path: text(), bundle: text(), version: text(), operationId: optional(text()) })),
  history: list(HistoryEntry),
  releases: list(ReleaseEntry),
  desiredState: DesiredState,
  artifactOf: object({ name: text(), version: text(), digest: text(), base64: text() }),
  figures: SystemFigures,
  dump: list(object({ name: text(), text: text() })),
  leaks: list(
    object({
      bundle: text(),
      version: text(),
      revision: integer(),
      collected: oneOf('yes', 'no', 'pending'),
      holders: list(text()),
      held: list(HolderGroup),
    }),
  ),
  logs: list(LogLine),
  followLogs: followed(LogLine),
  followEvents: followed(RuntimeEvent),
  configOf: ConfigValues,
  configHistory: list(object({ at: number(), actor: text(), key: text(), layer: text(), before: Type.Unknown(), after: Type.Unknown() })),
  configSet: ConfigValues,
  deploy: ChangeOutcome,
  deployRelease: ChangeOutcome,
  rollbackRelease: ChangeOutcome,
  install: ChangeOutcome,
  update: ChangeOutcome,
  start: ChangeOutcome,
  stop: ChangeOutcome,
  uninstall: ChangeOutcome,
  rollback: ChangeOutcome,
  confirm: ChangeOutcome,
  setStartLevel: ChangeOutcome,
  backup: object({ path: text(), bytes: integer(), digest: text(), elsewhere: list(object({ part: text(), note: text() })) }),
  shutdown: object({ stopping: Type.Literal(true), pid: integer() }),
  ...TRUST_SCHEMAS,
} as const satisfies Record<contract.EndpointName, TSchema>;

type Frozen<T> = T extends readonly (infer E)[] ? readonly Frozen<E>[] : T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Checked = {
  [K in contract.EndpointName]: Same<Frozen<Static<(typeof RESULT_SCHEMAS)[K]>>, Frozen<contract.EndpointResults[K]>>;
} & { problem: Same<Frozen<Static<typeof AdminProblemSchema>>, Frozen<contract.AdminProblem>> } & {
  line: Same<Frozen<Static<typeof ChangeLineSchema>>, Frozen<contract.ChangeLine>>;
};

// Does not compile when a schema and its type differ; the error names the endpoint.
const agreement: { readonly [K in keyof Checked]: true } = {} as Checked;
void agreement;
