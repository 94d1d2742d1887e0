/**
 * (candidates, wiring in force) -> wiring or a typed report.
 *
 * Pure, independent of the order of its input, polynomial, and bounded by a step budget. What was wired stays as it is wherever it
 * still holds; only bundles that are new, that lost a provider, or that can gain an optional contract are looked at. Then, in order:
 * the largest set whose requirements can be met, one version of each singleton, no circles of imports, one major of each contract
 * between bundles that exchange it. No rule searches: where choices depend on each other the result is sound, not always the largest.
 */
import { SluiceError } from '@sluice/sdk';
import { BudgetSpent, StepBudget } from './budget.js';
import { contractCircles, settleImportCircles } from './circles.js';
import { settleContractIdentity } from './contract-identity.js';
import { Engine, livingOf } from './engine.js';
import { isAlive, type Death, type Node, type Offer, type Slot } from './node.js';
import { report } from './report.js';
import { settleSingletons } from './singletons.js';
import { prepare, type Preparation } from './snapshot.js';
import { KERNEL_KEY, type Resolution, type ResolutionNotice, type ResolveInput, type Wire, type Wiring } from './types.js';

/** Steps after which the resolver gives up: about a second. A thousand ordinary bundles take some ten thousand. */
export const RESOLVER_STEPS_MAX = 20_000_000;

/**
 * Resolves candidates.
 * @throws SluiceError `RESOLVER_INPUT_INVALID` when two candidates share a key or a required key is no candidate.
 */
export function resolve(input: ResolveInput): Resolution {
  const preparation = prepare(input);
  const budget = new StepBudget(input.budget ?? RESOLVER_STEPS_MAX);
  try {
    checkInput(input, preparation);
    return resolvePrepared(input, preparation, budget);
  } catch (error) {
    if (!(error instanceof BudgetSpent)) throw error;
    return outOfBudget(input, budget.steps);
  } finally {
    preparation.end();
  }
}

function resolvePrepared(input: ResolveInput, preparation: Preparation, budget: StepBudget): Resolution {
  const isRequired = requiredIn(input);
  // Versions of singletons that were chosen and then could not resolve: the choice is made again without them.
  const setAside = new Map<Node, Death>();
  for (;;) {
    const engine = new Engine(preparation.set, budget);
    try {
      const broken = settle(engine, preparation.toOpen, isRequired, setAside);
      if (broken !== null) return answerOf(engine, preparation, isRequired, broken);
    } finally {
      engine.end();
    }
  }
}

function requiredIn({ required }: ResolveInput): (key: string) => boolean {
  if (typeof required === 'function') return required;
  let keys: ReadonlySet<string> | null = null;
  return (key) => (keys ??= new Set(required)).has(key);
}

/** Runs all rules to the end. Returns null when a choice among singletons has to be made again. */
function settle(
  engine: Engine,
  toOpen: Iterable<Node>,
  isRequired: (key: string) => boolean,
  setAside: Map<Node, Death>,
): readonly ResolutionNotice[] | null {
  engine.openAll(toOpen);
  for (const [node, death] of setAside) engine.kill(node, death);
  engine.propagate();
  const contests = settleSingletons(engine, isRequired);
  engine.propagate();
  const broken: ResolutionNotice[] = [];
  do broken.push(...settleImportCircles(engine));
  while (settleContractIdentity(engine));
  let isSettled = true;
  for (const { winner } of contests) {
    if (isAlive(winner)) continue;
    setAside.set(winner, winner.work?.death as Death);
    isSettled = false;
  }
  return isSettled ? broken : null;
}

function answerOf(
  engine: Engine,
  preparation: Preparation,
  isRequired: (key: string) => boolean,
  broken: readonly ResolutionNotice[],
): Resolution {
  const changes = new Map<Node, readonly Wire[] | null>();
  const rewired: string[] = [];
  for (const node of engine.touchedNodes) {
    const slots = node.work?.slots ?? null;
    const wires = !isAlive(node) ? null : slots === null ? node.wires : wiresOf(node, slots);
    if (wires === node.wires) continue;
    changes.set(node, wires);
    if (wires !== null) rewired.push(node.key);
  }
  const wiring = preparation.finish(changes);
  const { problems, others } = report(engine, isRequired);
  const ok = !engine.touchedNodes.some((node) => !isAlive(node) && isRequired(node.key));
  return new Answer(ok, wiring, problems, others, rewired.sort(), broken, engine.budget.steps);
}

/** Wires of an opened bundle; the same array as before when nothing changed. */
function wiresOf(node: Node, slots: readonly Slot[]): readonly Wire[] {
  const wires: Wire[] = [];
  for (const slot of slots) {
    if (slot.choice === null || !slot.need.wires) continue;
    if (!slot.need.multiple) wires.push(wireOf(node, slot, slot.choice));
    // Code that is loaded keeps the set it was loaded with, as long as all of it is there and it did not ask for more.
    else if (!slot.need.dynamic && slot.before.length > 0 && slot.before.every((wire) => isHeld(slot, wire))) wires.push(...slot.before);
    else for (const offer of livingOf(slot)) wires.push(wireOf(node, slot, offer));
  }
  const { wires: before } = node;
  return before !== null && before.length === wires.length && wires.every((wire, index) => wire === before[index]) ? before : wires;
}

function isHeld(slot: Slot, wire: Wire): boolean {
  return livingOf(slot).some((offer) => offer.node.key === wire.provider && offer.capability === wire.capability);
}

function wireOf(node: Node, { need, before }: Slot, { node: provider, capability }: Offer): Wire {
  const same = before.find((wire) => wire.provider === provider.key && wire.capability === capability);
  return same ?? { consumer: node.key, provider: provider.key, requirement: need, capability };
}

class Answer implements Resolution {
  #notices: readonly ResolutionNotice[] | null = null;
  readonly #broken: readonly ResolutionNotice[];

  constructor(
    readonly ok: boolean,
    readonly wiring: Wiring,
    readonly problems: Resolution['problems'],
    readonly others: Resolution['others'],
    readonly rewired: readonly string[],
    broken: readonly ResolutionNotice[],
    readonly steps: number,
  ) {
    this.#broken = broken;
  }

  get notices(): readonly ResolutionNotice[] {
    return (this.#notices ??= [...this.#broken, ...contractCircles(this.wiring, this.rewired)]);
  }
}

function checkInput(input: ResolveInput, { set }: Preparation): void {
  const unknown = typeof input.required === 'function' ? [] : input.required.filter((key) => !set.nodes.has(key));
  if (unknown.length === 0 && set.nodes.size === input.candidates.length) return;
  const found =
    unknown.length > 0 ? `required keys that are no candidates: ${unknown.slice(0, 10).join(', ')}` : 'two candidates with one key';
  throw new SluiceError(
    'RESOLVER_INPUT_INVALID',
    `Cannot resolve: found ${found}, expected candidates with unique keys, required ones among them. Give each revision a key of its own.`,
    { details: { unknown }, remedy: 'Give each revision a key of its own and require only candidates.' },
  );
}

function outOfBudget(input: ResolveInput, steps: number): Resolution {
  const suggestion = 'Deploy the bundles in smaller groups, and give requirements a name or an equality so that fewer candidates match.';
  const isRequired = requiredIn(input);
  const keys = input.candidates.map(({ key }) => key).sort();
  const bundle = keys.find(isRequired) ?? keys[0];
  const problem = { kind: 'budget', code: 'RESOLVER_BUDGET', bundle: bundle ?? KERNEL_KEY, steps, suggestion } as const;
  return new Answer(false, new Map(), [problem], [], [], [], steps);
}
