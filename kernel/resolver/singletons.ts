/** Of several versions of a singleton bundle one may resolve. Decides which, and says why the others may not. */
import type { Engine } from './engine.js';
import { compareNodes, isAlive, type Node } from './node.js';
import type { SingletonProblem } from './types.js';

/** A choice that was made. When the winner dies later, it has to be made again without it. */
export interface Contest {
  readonly winner: Node;
  readonly losers: readonly Node[];
}

/** Chooses among the living versions of each singleton; the losers die. Only versions of a bundle that is new can be in doubt. */
export function settleSingletons(engine: Engine, isRequired: (key: string) => boolean): readonly Contest[] {
  const contests = new Map<string, Contest>();
  for (const node of engine.opened) {
    const versions = engine.set.versionsOf(node);
    if (node.wires !== null || versions.length < 2 || contests.has(nameOf(node))) continue;
    const [winner, ...losers] = versions.filter(isContender).sort((a, b) => rankOf(a, b, isRequired).order);
    if (winner === undefined || losers.length === 0) continue;
    contests.set(nameOf(node), { winner, losers });
    for (const loser of losers) {
      const problem = singletonProblem(loser, winner, rankOf(winner, loser, isRequired).by);
      engine.kill(loser, { kind: 'reported', problem });
    }
  }
  return [...contests.values()];
}

function isContender(node: Node): boolean {
  return isAlive(node) && node.bundle?.manifest.singleton === true;
}

function nameOf(node: Node): string {
  return node.bundle?.manifest.symbolicName ?? '';
}

/** Tells that a bundle lost against another version. */
export function singletonProblem(loser: Node, winner: Node, because: SingletonProblem['because']): SingletonProblem {
  return {
    kind: 'singleton-conflict',
    code: 'RESOLVER_SINGLETON_CONFLICT',
    bundle: loser.key,
    symbolicName: nameOf(loser),
    chosen: winner.key,
    because,
    suggestion: `Uninstall '${winner.key}' first, deploy '${loser.key}' as its successor, or set "singleton": false in both.`,
  };
}

function rankOf(
  a: Node,
  b: Node,
  isRequired: (key: string) => boolean,
): { readonly order: number; readonly by: SingletonProblem['because'] } {
  const wired = Number(b.wires !== null) - Number(a.wires !== null);
  if (wired !== 0) return { order: wired, by: 'wired' };
  const needed = Number(isRequired(b.key)) - Number(isRequired(a.key));
  if (needed !== 0) return { order: needed, by: 'required' };
  const version = a.bundle === null || b.bundle === null ? 0 : b.bundle.manifest.version.compare(a.bundle.manifest.version);
  return version !== 0 ? { order: version, by: 'version' } : { order: compareNodes(a, b), by: 'order' };
}
