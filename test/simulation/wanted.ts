/**
 * What the bundles must look like, told from the commands and their answers alone: a second, simple opinion beside the journal. A command
 * whose answer was lost with the process may have happened or not, so there can be several opinions at a time, until one is seen.
 */

import { CONSUMER, startLevelOf } from './scripted-bundles.js';

/** One bundle. */
interface WantedBundle {
  readonly version: string;
  readonly autostart: boolean;
  /** What a rollback returns to, newest first; two are kept. */
  readonly earlier: readonly string[];
}

type Bundles = ReadonlyMap<string, WantedBundle>;

/** A change that may still be taken back. */
interface OpenChange {
  /** Bundles it gave another content, or started. */
  readonly names: readonly string[];
  /** Those of them that ran before: they are on trial. More than one answer: some may have been down, though they should have run. */
  readonly swapped: readonly (readonly string[])[];
  readonly before: Bundles;
  /** Taken back when nobody confirms it in time. */
  readonly temporary: boolean;
}

/** All bundles by name, and the framework's start level. */
export interface Wanted {
  readonly startLevel: number;
  readonly bundles: Bundles;
  readonly open: readonly OpenChange[];
}

/** What a command may make of a state. More than one: it depends on what only time tells, e.g. whether a trial is over. */
export type Effect = (before: Wanted) => readonly Wanted[];

export const NOTHING: Wanted = { startLevel: 100, bundles: new Map(), open: [] };
export const UNCHANGED: Effect = (before) => [before];

/** Versions and autostart as text, for comparing. */
export function shown({
  startLevel,
  bundles,
}: Pick<Wanted, 'startLevel'> & { readonly bundles: ReadonlyMap<string, Omit<WantedBundle, 'earlier'>> }): string {
  const lines = [...bundles].map(([name, { version, autostart }]) => `${name} ${version} ${autostart ? 'runs' : 'rests'}`);
  return [...lines.sort(), `level ${startLevel}`].join(', ');
}

const NONE: ReadonlySet<string> = new Set();

/**
 * Artifacts replace what is installed.
 * @param runs null: as it was.
 * @param down bundles that may be down although they should run.
 * @param temporary it is taken back when it is not confirmed.
 */
export function deployed(
  artifacts: readonly { readonly bundle: string; readonly version: string }[],
  runs: boolean | null,
  down: ReadonlySet<string> = NONE,
  temporary = false,
): Effect {
  return (before) => {
    const next = new Map(before.bundles);
    for (const { bundle, version } of artifacts) {
      const old = next.get(bundle);
      const autostart = runs ?? old?.autostart ?? false;
      if (old === undefined) next.set(bundle, { version, autostart, earlier: [] });
      else if (old.version === version) next.set(bundle, { ...old, autostart });
      else next.set(bundle, { version, autostart, earlier: [old.version, ...old.earlier.filter((one) => one !== version)].slice(0, 2) });
    }
    return [opened(before, next, down, temporary)];
  };
}

export function autostarted(bundle: string, autostart: boolean): Effect {
  return (before) => {
    const old = before.bundles.get(bundle);
    if (old === undefined || old.autostart === autostart) return [before];
    const next = new Map(before.bundles).set(bundle, { ...old, autostart });
    return [autostart ? opened(before, next, NONE, false) : { ...without(before, [bundle]), bundles: next }];
  };
}

export function uninstalled(bundle: string): Effect {
  return (before) => {
    const bundles = new Map(before.bundles);
    bundles.delete(bundle);
    return [{ ...without(before, [bundle]), bundles }];
  };
}

/** A bundle goes back, alone or with all that came in the same change. */
export function rolledBack(name: string): Effect {
  return (before) => [walkedBack(before, [name]), ...trialsReturned(before, [name])];
}

/** What failing live traffic that reaches some bundles may lead to. */
export function failed(reached: readonly string[]): Effect {
  return (before) => [before, ...trialsReturned(before, reached)];
}

function trialsReturned(before: Wanted, reached: readonly string[]): readonly Wanted[] {
  const trials = before.open.filter(({ names }) => names.some((name) => reached.includes(name)));
  // While the old revisions wait, they come back; after a restart, what was installed before is as it was; a temporary change goes whole.
  const known = trials.map((one) => (one.temporary ? one : { ...one, names: one.names.filter((name) => one.before.has(name)) }));
  return [...trials.flatMap(({ swapped }) => swapped.map((names) => walkedBack(before, names))), ...undone(before, known)];
}

function walkedBack(before: Wanted, names: readonly string[]): Wanted {
  const bundles = new Map(before.bundles);
  for (const name of names) {
    const old = bundles.get(name);
    const [version, ...earlier] = old?.earlier ?? [];
    if (old !== undefined && version !== undefined) bundles.set(name, { ...old, version, earlier });
  }
  return { ...without(before, names), bundles };
}

/** What recovery may do after too many starts that failed: one open change is undone. */
export function givenUp(before: Wanted): readonly Wanted[] {
  return undone(before, before.open);
}

/** What time alone may do: temporary changes that nobody confirmed are taken back. */
export function expired(before: Wanted): readonly Wanted[] {
  const once = undone(
    before,
    before.open.filter(({ temporary }) => temporary),
  );
  return [before, ...once, ...once.flatMap((one) => (one.open.some(({ temporary }) => temporary) ? expired(one) : []))];
}

/** One of some changes is undone: content and autostart are as they were. */
function undone(before: Wanted, changes: readonly OpenChange[]): readonly Wanted[] {
  return changes.map(({ names, before: old }) => {
    const bundles = new Map(before.bundles);
    for (const name of names) {
      const bundle = old.get(name);
      if (bundle === undefined) bundles.delete(name);
      else bundles.set(name, bundle);
    }
    return { ...without(before, names), bundles };
  });
}

export function atLevel(startLevel: number): Effect {
  return (before) => [{ ...before, startLevel }];
}

function opened(before: Wanted, bundles: Bundles, down: ReadonlySet<string>, temporary: boolean): Wanted {
  const names = [...bundles].filter(([name, bundle]) => isChanged(before.bundles.get(name), bundle)).map(([name]) => name);
  if (names.length === 0) return { ...before, bundles };
  const ran = names.filter((name) => before.bundles.get(name)?.autostart === true && startLevelOf(name) <= before.startLevel);
  const unsure = ran.filter((name) => down.has(name) || name === CONSUMER);
  const swapped = subsets(unsure).map((missing) => ran.filter((name) => !missing.includes(name)));
  return {
    ...without(before, names),
    bundles,
    open: [...without(before, names).open, { names, swapped, before: before.bundles, temporary }],
  };
}

function subsets<T>(items: readonly T[]): readonly (readonly T[])[] {
  return items.reduce<readonly (readonly T[])[]>((found, item) => [...found, ...found.map((one) => [...one, item])], [[]]);
}

function isChanged(before: WantedBundle | undefined, after: WantedBundle): boolean {
  return before?.version !== after.version || before.autostart !== after.autostart;
}

/** A later change of a bundle confirms the one before. */
function without(wanted: Wanted, names: readonly string[]): Wanted {
  return { ...wanted, open: wanted.open.filter((one) => !one.names.some((name) => names.includes(name))) };
}
