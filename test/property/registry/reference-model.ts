/**
 * A naive model of the registry: one flat list of services with the interval in which each is visible, searched from the start for
 * every question. Slow and short on purpose; the property test compares the real registry with it after each step.
 */

export interface ModelService {
  readonly id: number;
  readonly owner: object;
  readonly contractVersion: string;
  ranking: number;
  tone: string;
  readonly born: number;
  died: number;
}

/** What a consumer asks for. */
export interface ModelQuery {
  readonly tone?: string;
  readonly versions: readonly string[];
}

export class ReferenceModel {
  generation = 0;
  retiredUpTo = 0;
  services: ModelService[] = [];
  private readonly since = new Map<object, number>();
  private readonly until = new Map<object, number>();
  /** Entries below this generation may have lost a service to a forced stop. */
  private cutBefore = 0;

  register(owner: object, id: number, contractVersion: string, ranking: number, tone: string): void {
    const born = this.since.get(owner) ?? 0;
    const died = this.until.get(owner) ?? Number.POSITIVE_INFINITY;
    this.services.push({ id, owner, contractVersion, ranking, tone, born, died });
  }

  unregister(id: number): void {
    for (const { died } of this.services.filter((service) => service.id === id)) {
      if (died <= this.generation && died > this.retiredUpTo) this.cutBefore = Math.max(this.cutBefore, died);
    }
    this.services = this.services.filter((service) => service.id !== id);
  }

  change(id: number, ranking: number, tone: string): void {
    for (const service of this.services.filter((each) => each.id === id)) Object.assign(service, { ranking, tone });
  }

  /** Opens the next generation: services of `old` end with it, `fresh` begin with it. */
  commit(old: object | null, next: object | null, fresh: readonly Omit<ModelService, 'born' | 'died' | 'owner'>[]): void {
    this.generation += 1;
    if (next !== null) {
      this.since.set(next, this.generation);
      this.until.delete(next);
      for (const service of fresh) {
        this.services.push({ ...service, owner: next, born: this.generation, died: Number.POSITIVE_INFINITY });
      }
    }
    if (old === null) return;
    this.until.set(old, this.generation);
    for (const service of this.services) {
      if (service.owner === old && service.died > this.generation) service.died = this.generation;
    }
  }

  retire(upTo: number): void {
    this.retiredUpTo = Math.max(this.retiredUpTo, upTo);
    if (this.cutBefore <= upTo) this.cutBefore = 0;
  }

  /** Ids of the services an entry sees, best first; undefined is code outside any entry. */
  seen(query: ModelQuery, entry: number | undefined): readonly number[] {
    const matching = this.services.filter(
      ({ tone, contractVersion }) => (query.tone === undefined || tone === query.tone) && query.versions.includes(contractVersion),
    );
    const at = (generation: number): readonly number[] =>
      matching
        .filter(
          ({ born, died }) => born <= generation && generation < died && (died === Number.POSITIVE_INFINITY || died > this.retiredUpTo),
        )
        .sort((a, b) => b.ranking - a.ranking || a.id - b.id)
        .map(({ id }) => id);
    if (entry === undefined || entry >= this.generation) return at(this.generation);
    const now = at(entry);
    if (now.length > 0 || entry < this.cutBefore) return now;
    const later = matching.map(({ born }) => born).filter((born) => born > entry && at(born).length > 0);
    return later.length === 0 ? now : at(Math.min(...later));
  }
}
