/** The `sluice` section of a bundle's package.json: its schema (also published as JSON Schema) and its type. */
import { Type, type Static } from './schema.js';

const Name = Type.String({ pattern: '^[a-zA-Z][\\w-]*(\\.[a-zA-Z][\\w-]*)*$', maxLength: 200 });
const Range = Type.String({ minLength: 1, maxLength: 100, description: 'npm range such as ^1.2.0, or OSGi range such as [1.2,2)' });
const AttributeValue = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Array(Type.Union([Type.String(), Type.Number()]))]);
const Attributes = Type.Record(Type.String({ minLength: 1 }), AttributeValue);
const strict = { additionalProperties: false } as const;
const SYMBOLIC_NAME = '^[a-z][a-z0-9-]*(\\.[a-z0-9][a-z0-9-]*)*$';
const EFFECTIVE = '^[a-z][\\w-]{0,49}$';
const EFFECTIVE_MEANING = 'when it counts; default "resolve". Of any other time the resolver takes no notice';

/** A capability: something a bundle offers in a namespace. */
export const CapabilitySchema = Type.Object(
  {
    namespace: Name,
    attributes: Type.Optional(Attributes),
    effective: Type.Optional(Type.String({ pattern: EFFECTIVE, description: EFFECTIVE_MEANING })),
  },
  strict,
);

/** A requirement: a filter over the capabilities of a namespace. */
export const RequirementSchema = Type.Object(
  {
    namespace: Name,
    filter: Type.Optional(Type.String({ maxLength: 2000 })),
    optional: Type.Optional(Type.Boolean()),
    multiple: Type.Optional(Type.Boolean()),
    dynamic: Type.Optional(Type.Boolean({ description: 'optional, and wired also when a provider comes while the bundle runs' })),
    effective: Type.Optional(Type.String({ pattern: EFFECTIVE, description: EFFECTIVE_MEANING })),
  },
  strict,
);

/** What a fragment gives to its host: resources, default configuration, capabilities. It has no code. */
export const FragmentSchema = Type.Object(
  {
    host: Type.String({ pattern: SYMBOLIC_NAME, maxLength: 100, description: 'symbolic name of the bundle it belongs to' }),
    range: Type.Optional(Range),
    config: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: "values that go before the host's own defaults and behind the operator's",
      }),
    ),
  },
  strict,
);

/** A contract a bundle provides. Written by `pack`, not by hand. */
export const ProvidedContractSchema = Type.Object(
  {
    contract: Name,
    version: Type.String(),
    attributes: Type.Optional(Attributes),
    methods: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    properties: Type.Optional(Type.Array(Type.String(), { description: 'plain properties of a local service' })),
  },
  strict,
);

/** A contract a bundle needs. Written by `pack`, not by hand. */
export const RequiredContractSchema = Type.Object(
  { contract: Name, range: Range, filter: Type.Optional(Type.String({ maxLength: 2000 })), optional: Type.Optional(Type.Boolean()) },
  strict,
);

/** A migration of the bundle's tables. Written by `pack`, not by hand. */
const DeclaredMigrationSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    phase: Type.Union([Type.Literal('expand'), Type.Literal('contract')]),
  },
  strict,
);

/** Schema of the `sluice` section. */
export const ManifestSchema = Type.Object(
  {
    sdk: Type.String({ minLength: 1, description: 'npm range of SDK versions the bundle works with' }),
    symbolicName: Type.Optional(
      Type.String({
        pattern: SYMBOLIC_NAME,
        maxLength: 100,
        description: 'default: the package name without its scope',
      }),
    ),
    family: Type.Optional(Type.Union(['system', 'platform', 'business', 'channel', 'core', 'other'].map((f) => Type.Literal(f)))),
    main: Type.Optional(Type.String({ description: 'entry in the artifact; default dist/bundle.cjs' })),
    capabilities: Type.Optional(Type.Array(CapabilitySchema)),
    requirements: Type.Optional(Type.Array(RequirementSchema)),
    provides: Type.Optional(Type.Array(ProvidedContractSchema)),
    requires: Type.Optional(Type.Array(RequiredContractSchema)),
    migrations: Type.Optional(Type.Array(DeclaredMigrationSchema)),
    exports: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'package name -> entry in the artifact' })),
    imports: Type.Optional(
      Type.Record(Type.String(), Type.Union([Range, Type.Object({ range: Range, optional: Type.Optional(Type.Boolean()) }, strict)])),
    ),
    fragment: Type.Optional(FragmentSchema),
    fragmentAttachment: Type.Optional(
      Type.Union([Type.Literal('always'), Type.Literal('never')], { description: 'default always: fragments may add to this bundle' }),
    ),
    singleton: Type.Optional(Type.Boolean({ description: 'default true: one version of this bundle at a time' })),
    startLevel: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    activation: Type.Optional(Type.Union([Type.Literal('eager'), Type.Literal('lazy')])),
    isolation: Type.Optional(
      Type.Union([Type.Literal('inline'), Type.Literal('worker'), Type.Literal('process')], {
        description: 'the weakest isolation tier the bundle may run in; default inline',
      }),
    ),
    limits: Type.Optional(
      Type.Object(
        {
          heapMegabytes: Type.Optional(Type.Integer({ minimum: 16, maximum: 4096, description: 'default 128' })),
          buffersMegabytes: Type.Optional(Type.Integer({ minimum: 1, maximum: 4096, description: 'default 128' })),
        },
        { ...strict, description: 'memory in tiers worker and process' },
      ),
    ),
    statements: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 10_000 }), {
        maxItems: 1_000,
        description: 'in tier process, the SQL statements the bundle may run, with the full names of its tables',
      }),
    ),
    http: Type.Optional(Type.Object({ mount: Type.String({ pattern: '^/([\\w.~-]+(/[\\w.~-]+)*)?$' }) }, strict)),
    config: Type.Optional(
      Type.Object(
        {
          schema: Type.Record(Type.String(), Type.Unknown(), {
            description: 'JSON Schema of the configuration; mark secrets with "x-secret": true',
          }),
          defaults: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
        },
        strict,
      ),
    ),
    permissions: Type.Optional(
      Type.Object(
        {
          builtins: Type.Optional(Type.Array(Type.String(), { description: 'Node built-in modules, e.g. "node:crypto"' })),
          hostPackages: Type.Optional(Type.Array(Type.String(), { description: 'packages of the host, system bundles only' })),
          kernel: Type.Optional(Type.Array(Type.String(), { description: 'contracts of the kernel, system bundles only' })),
          network: Type.Optional(Type.Array(Type.String())),
        },
        strict,
      ),
    ),
    startTimeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 600_000 })),
    stopTimeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 600_000 })),
    drainTimeoutMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 3_600_000 })),
    stateVersion: Type.Optional(Type.Integer({ minimum: 1, description: 'form of the state it hands over' })),
    stateReads: Type.Optional(Type.Integer({ minimum: 1, description: 'oldest form of the state it can take over; default 1' })),
  },
  { ...strict, $id: 'urn:sluice:manifest:1', title: 'Sluice bundle manifest' },
);

/** The `sluice` section as an author (and `pack`) writes it. */
export type ManifestSection = Static<typeof ManifestSchema>;
