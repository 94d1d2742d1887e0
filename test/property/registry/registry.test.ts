/** Random histories: the registry agrees with the naive model for every consumer and every generation still running. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Type } from '@sinclair/typebox';
import { contract, syncMethod, type Contract, type Registration } from '@sluice/sdk';
import { ServiceRegistry, type ListHandle, type ReferenceHandle, type RevisionOwner } from '@sluice/kernel/registry/index';
import { ReferenceModel, type ModelQuery } from './reference-model.js';

interface Numbered {
  id(): number;
}
const VERSIONS = ['1.2.0', '1.3.0', '2.0.0'] as const;
const contracts: Readonly<Record<string, Contract<Numbered>>> = Object.fromEntries(
  VERSIONS.map((version) => [version, contract('test.Numbered', version, { id: syncMethod([], Type.Number()) })]),
);
const Oldest = contracts['1.2.0'] as Contract<Numbered>;

const QUERIES: readonly { readonly options: object; readonly model: ModelQuery }[] = [
  { options: {}, model: { versions: ['1.2.0', '1.3.0'] } },
  { options: { filter: '(TONE=warm)' }, model: { tone: 'warm', versions: ['1.2.0', '1.3.0'] } },
  { options: { range: '[2,3)' }, model: { versions: ['2.0.0'] } },
  { options: { filter: '(&(tone=cold)(service.id>=1))', range: '*' }, model: { tone: 'cold', versions: VERSIONS } },
];

interface ServiceDraft {
  readonly version: (typeof VERSIONS)[number];
  readonly ranking: number;
  readonly tone: string;
}
const draft = fc.record<ServiceDraft>({
  version: fc.constantFrom(...VERSIONS),
  ranking: fc.constantFrom(0, 0, 1, 5, -1),
  tone: fc.constantFrom('warm', 'cold'),
});
const bundle = fc.nat({ max: 2 });
const step = fc.oneof(
  fc.record({ kind: fc.constant('register' as const), bundle, draft }),
  fc.record({ kind: fc.constant('unregister' as const), pick: fc.nat({ max: 30 }) }),
  fc.record({ kind: fc.constant('change' as const), pick: fc.nat({ max: 30 }), draft }),
  fc.record({ kind: fc.constant('swap' as const), bundle, drafts: fc.array(draft, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant('stop' as const), bundle }),
  fc.record({ kind: fc.constant('rollback' as const), bundle }),
  fc.record({ kind: fc.constant('retire' as const), behind: fc.nat({ max: 2 }) }),
  fc.record({ kind: fc.constant('consume' as const), query: fc.nat({ max: QUERIES.length - 1 }) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Consumer {
  readonly query: number;
  readonly reference: ReferenceHandle<Numbered>;
  readonly list: ListHandle<Numbered>;
}

class Run {
  readonly model = new ReferenceModel();
  readonly consumer: RevisionOwner = { bundleId: 99, symbolicName: 'consumer', version: '1.0.0', revision: 1 };
  readonly consumers: Consumer[] = [];
  entry: number | undefined;
  readonly registry = new ServiceRegistry({ entryGeneration: () => this.entry, warn: (code) => assert.fail(code) });
  private readonly current: (RevisionOwner | null)[] = [null, null, null];
  private readonly previous: (RevisionOwner | null)[] = [null, null, null];
  private registrations: { readonly owner: RevisionOwner; readonly version: string; readonly registration: Registration }[] = [];

  apply(next: Step): void {
    const { registry, model } = this;
    switch (next.kind) {
      case 'register': {
        const owner = (this.current[next.bundle] ??= this.owner(next.bundle));
        const id = this.register(owner, next.draft, null);
        return model.register(owner, id, next.draft.version, next.draft.ranking, next.draft.tone);
      }
      case 'unregister': {
        const [taken] = this.registrations.splice(next.pick % (this.registrations.length || 1), 1);
        if (taken === undefined) return;
        taken.registration.unregister();
        return model.unregister(taken.registration.view.id);
      }
      case 'change': {
        const taken = this.registrations[next.pick % (this.registrations.length || 1)];
        if (taken === undefined) return;
        const { ranking, tone } = next.draft;
        taken.registration.setProperties({ 'service.ranking': ranking, tone });
        return model.change(taken.registration.view.id, ranking, tone);
      }
      case 'swap': {
        const old = this.current[next.bundle] ?? null;
        const fresh = this.owner(next.bundle);
        const stage = registry.openStage([fresh], old === null ? [] : [old]);
        const drafts = next.drafts.map((each) => ({ ...each, id: this.register(fresh, each, stage), contractVersion: each.version }));
        registry.commit(stage, model.generation + 1);
        this.previous[next.bundle] = old;
        this.current[next.bundle] = fresh;
        return model.commit(old, fresh, drafts);
      }
      case 'stop': {
        const old = this.current[next.bundle] ?? null;
        if (old === null) return;
        registry.withdraw([old], model.generation + 1);
        this.previous[next.bundle] = this.current[next.bundle] = null;
        return model.commit(old, null, []);
      }
      case 'rollback':
        return this.rollback(next.bundle);
      case 'retire': {
        const upTo = Math.max(model.retiredUpTo, model.generation - next.behind);
        registry.retire(upTo);
        return model.retire(upTo);
      }
      case 'consume': {
        const { options } = QUERIES[next.query] as (typeof QUERIES)[number];
        const reference = registry.reference(this.consumer, Oldest, options, null);
        const list = registry.list(this.consumer, Oldest, options, null);
        return void this.consumers.push({ query: next.query, reference, list });
      }
    }
  }

  /** Everything every consumer sees, by generation of the entry. */
  seen(): { readonly real: unknown; readonly model: unknown } {
    const entries = [
      undefined,
      ...Array.from({ length: this.model.generation - this.model.retiredUpTo + 1 }, (_, at) => this.model.retiredUpTo + at),
    ];
    const real = this.consumers.map(({ reference, list }) =>
      entries.map((entry) => {
        this.entry = entry;
        return { best: answerOf(reference.service), all: [...list.list].map((service) => service.id()) };
      }),
    );
    this.entry = undefined;
    const model = this.consumers.map(({ query }) =>
      entries.map((entry) => {
        const all = this.model.seen((QUERIES[query] as (typeof QUERIES)[number]).model, entry);
        return { best: all[0] ?? 'none', all };
      }),
    );
    return { real, model };
  }

  private rollback(at: number): void {
    const { registry, model } = this;
    const [old, next] = [this.current[at] ?? null, this.previous[at] ?? null];
    if (next === null) return;
    const again = this.registrations
      .filter(({ owner }) => owner === next)
      .map(({ registration, version }) => {
        const { id, ranking, properties } = registration.view;
        return { id, ranking, tone: String(properties['tone']), contractVersion: version };
      });
    registry.commit(registry.openStage([next], old === null ? [] : [old]), model.generation + 1);
    this.previous[at] = old;
    this.current[at] = next;
    model.commit(old, next, again);
  }

  private register(
    owner: RevisionOwner,
    { version, ranking, tone }: ServiceDraft,
    stage: Parameters<ServiceRegistry['register']>[4],
  ): number {
    const service = { id: (): number => registration.view.id };
    const registration = this.registry.register(
      owner,
      contracts[version] as Contract<Numbered>,
      service,
      { 'service.ranking': ranking, tone },
      stage,
    );
    this.registrations.push({ owner, version, registration });
    return registration.view.id;
  }

  private owner(bundleAt: number): RevisionOwner {
    return { bundleId: bundleAt, symbolicName: `bundle-${bundleAt}`, version: '1.0.0', revision: this.registrations.length };
  }

  /** Gives everything back. */
  end(): void {
    for (const { registration } of this.registrations) registration.unregister();
    for (const { reference, list } of this.consumers) {
      reference.close();
      list.close();
    }
  }
}

function answerOf(service: Numbered): number | string {
  try {
    return service.id();
  } catch (error) {
    assert.equal((error as { code: string }).code, 'SERVICE_UNAVAILABLE');
    return 'none';
  }
}

describe('registry: random histories', () => {
  it('agrees with the naive model at every step, and is empty at the end', function () {
    this.timeout(60_000);
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
        const run = new Run();
        QUERIES.forEach((_, query) => run.apply({ kind: 'consume', query }));
        for (const next of steps) {
          run.apply(next);
          const { real, model } = run.seen();
          assert.deepEqual(real, model, `after ${JSON.stringify(next)}`);
        }
        run.end();
        assert.deepEqual(run.registry.counts(), new Run().registry.counts());
      }),
      { numRuns: 250 },
    );
  });
});
