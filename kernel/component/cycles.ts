/** Finds components that wait for each other in a circle. Pure. */

/** A component as the search sees it. */
export interface WaitingComponent {
  readonly name: string;
  /** Contract ids it would provide. */
  readonly provides: readonly string[];
  /** Contract ids it waits for. */
  readonly waitsFor: readonly string[];
}

/** One step of a circle: a component and the contract it waits for, which the next one would provide. */
export interface CycleStep {
  readonly component: string;
  readonly contract: string;
}

/** The circle a component is part of, beginning with it; undefined when it is in none. The shortest one, ties by declaration order. */
export function cycleOf(name: string, components: readonly WaitingComponent[]): readonly CycleStep[] | undefined {
  const start = components.find((component) => component.name === name);
  if (start === undefined) return undefined;
  const seen = new Set<string>();
  let paths: { readonly at: WaitingComponent; readonly steps: readonly CycleStep[] }[] = [{ at: start, steps: [] }];
  while (paths.length > 0) {
    const next: typeof paths = [];
    for (const { at, steps } of paths) {
      for (const contract of at.waitsFor) {
        for (const provider of components.filter(({ provides }) => provides.includes(contract))) {
          const longer = [...steps, { component: at.name, contract }];
          if (provider === start) return longer;
          if (seen.has(provider.name)) continue;
          seen.add(provider.name);
          next.push({ at: provider, steps: longer });
        }
      }
    }
    paths = next;
  }
  return undefined;
}

/** The circle in one sentence. */
export function describeCycle(steps: readonly CycleStep[]): string {
  const parts = steps.map(({ component, contract }, at) => {
    const provider = steps[(at + 1) % steps.length] as CycleStep;
    return `'${component}' needs '${contract}' of '${provider.component}'`;
  });
  return `waits in a circle: ${parts.join(', ')}; make one of these references optional (0..1 or 0..n)`;
}
