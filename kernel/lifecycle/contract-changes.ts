/**
 * What a new content of a bundle changes in the contracts it provides, and whether its version steps are large enough. Pure.
 * Arguments may come to take more, results may come to hold less; everything else breaks a caller and needs a major step.
 */
import { Version, type Manifest, type ProvidedContract } from '../model/index.js';
import type { ContractChange, ProblemData } from './runtime.js';
import { schemaGap } from './schema-compatibility.js';

type Member = ContractChange['members'][number];
interface Shape {
  readonly args?: readonly unknown[];
  readonly result?: unknown;
  readonly sync?: boolean;
}

/** Changes of the contracts of a bundle between two of its contents. Unchanged contracts are left out. */
export function contractChanges(before: Manifest, after: Manifest): readonly ContractChange[] {
  const bundle = after.symbolicName;
  const old = new Map(before.provides.map((one) => [one.contract, one]));
  const changes: ContractChange[] = [];
  for (const now of after.provides) {
    const was = old.get(now.contract);
    old.delete(now.contract);
    if (was === undefined) changes.push({ bundle, contract: now.contract, from: null, to: now.version.toString(), members: [] });
    else changes.push(...changeOf(bundle, was, now));
  }
  for (const gone of old.values()) changes.push({ bundle, contract: gone.contract, from: gone.version.toString(), to: null, members: [] });
  return changes;
}

function changeOf(bundle: string, was: ProvidedContract, now: ProvidedContract): readonly ContractChange[] {
  const members = memberChanges(was, now);
  const from = was.version.toString();
  const to = now.version.toString();
  return members.length === 0 && from === to ? [] : [{ bundle, contract: now.contract, from, to, members }];
}

function memberChanges(was: ProvidedContract, now: ProvidedContract): readonly Member[] {
  // Without descriptors (an artifact that `pack` did not write) there is nothing to compare.
  if (was.methods === null || now.methods === null) return [];
  const members: Member[] = [];
  for (const [name, shape] of Object.entries(was.methods)) {
    const next = Object.hasOwn(now.methods, name) ? now.methods[name] : undefined;
    if (next === undefined) members.push({ member: name, kind: 'removed', breaking: true, text: 'is removed' });
    else if (JSON.stringify(shape) !== JSON.stringify(next)) members.push(...methodChange(name, shape as Shape, next as Shape));
  }
  for (const name of Object.keys(now.methods)) {
    if (!Object.hasOwn(was.methods, name)) members.push({ member: name, kind: 'added', breaking: false, text: 'is new' });
  }
  for (const name of was.properties) {
    if (!now.properties.includes(name)) members.push({ member: name, kind: 'removed', breaking: true, text: 'is removed' });
  }
  for (const name of now.properties) {
    if (!was.properties.includes(name)) members.push({ member: name, kind: 'added', breaking: false, text: 'is new' });
  }
  return members;
}

function methodChange(member: string, was: Shape, now: Shape): readonly Member[] {
  const changed = (breaking: boolean, text: string): readonly Member[] => [{ member, kind: 'changed', breaking, text }];
  if ((was.sync ?? false) !== (now.sync ?? false)) return changed(true, now.sync === true ? 'became synchronous' : 'became asynchronous');
  const before = was.args ?? [];
  const after = now.args ?? [];
  if (before.length !== after.length) return changed(true, `takes ${after.length} arguments, before ${before.length}`);
  for (const [index, schema] of after.entries()) {
    const gap = schemaGap(schema, before[index]);
    if (gap !== null) return changed(true, `argument ${index + 1}${gap.at === '' ? '' : ` at ${gap.at}`} ${gap.why}`);
  }
  const gap = schemaGap(was.result, now.result);
  if (gap !== null) return changed(true, `its result${gap.at === '' ? '' : ` at ${gap.at}`} ${gap.why}`);
  return sameButText(was, now) ? [] : changed(false, 'takes more or promises more than before');
}

function sameButText(was: Shape, now: Shape): boolean {
  const both = [...(was.args ?? []).map((schema, index) => [schema, now.args?.[index]]), [was.result, now.result]];
  return both.every(([one, other]) => schemaGap(one, other) === null && schemaGap(other, one) === null);
}

/** A refusal for each contract with a breaking change and without a major step. */
export function contractProblems(changes: readonly ContractChange[], versionOf: (bundle: string) => string): readonly ProblemData[] {
  return changes.flatMap((change) => {
    const breaking = change.members.filter((member) => member.breaking);
    if (breaking.length === 0 || change.from === null || change.to === null) return [];
    if (!needsStep(change.from, change.to)) return [];
    const list = breaking.map(({ member, text }) => `'${member}' ${text}`).join('; ');
    const { bundle, contract, from, to } = change;
    return [
      {
        code: 'CONTRACT_BROKEN',
        message: `'${bundle}' ${versionOf(bundle)} breaks contract '${contract}', ${from} before and ${to} now, without a major step: ${list}`,
        remedy: `Keep what callers use, or raise the contract to ${nextMajor(from)} and deploy its callers with it.`,
        details: { bundle, contract, from, to, members: breaking },
      },
    ];
  });
}

/** True when a breaking change is not covered by the step. A version that goes down promises less, which is the resolver's to judge. */
function needsStep(from: string, to: string): boolean {
  const before = Version.parse(from);
  const after = Version.parse(to);
  if (after.compare(before) < 0) return false;
  // Below 1.0.0 the minor is the breaking step.
  return after.major === before.major && !(before.major === 0 && after.minor > before.minor);
}

function nextMajor(from: string): string {
  const { major, minor } = Version.parse(from);
  return major === 0 ? `0.${minor + 1}.0` : `${major + 1}.0.0`;
}
