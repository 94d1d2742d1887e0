/** Answers about the whole system, narrowed to the bundles that the sender may look at. Pure. */
import { hasRight, type Principal } from '../trust/roles.js';
import type { EndpointName, EndpointResults, FollowLine, HistoryEntry, LogLine, RuntimeEvent } from './contract.js';

/** Names of the bundles a row is about; a row about none is for whoever sees everything. */
const SUBJECTS: Partial<Record<EndpointName, (row: never) => readonly string[]>> = {
  bundles: ({ symbolicName }: EndpointResults['bundles'][number]) => [symbolicName],
  services: ({ bundle }: EndpointResults['services'][number]) => [bundle],
  routes: ({ bundle }: EndpointResults['routes'][number]) => [bundle],
  leaks: ({ bundle }: EndpointResults['leaks'][number]) => [bundle],
  artifacts: ({ bundle }: EndpointResults['artifacts'][number]) => [bundle],
  history: ({ bundles }: HistoryEntry) => bundles.map(({ symbolicName }) => symbolicName),
  logs: ({ source }: LogLine) => [source],
};

/** True when the sender sees everything, so that nothing has to be left out. */
export function seesAll(principal: Principal): boolean {
  return hasRight(principal, 'view', '*');
}

/** The answer without the rows of bundles that the sender may not look at. */
export function narrowed<T>(name: EndpointName, answer: T, principal: Principal): T {
  if (seesAll(principal)) return answer;
  if (name === 'status') {
    // Alarms, missing approvals and the data folder tell about all bundles and the machine.
    const { trust } = answer as EndpointResults['status'];
    return {
      ...answer,
      alarms: [],
      dataFolder: '',
      trial: null,
      ...(trust === undefined ? {} : { trust: { ...trust, unapproved: [] } }),
    } as T;
  }
  const subjects = SUBJECTS[name] as ((row: unknown) => readonly string[]) | undefined;
  if (subjects === undefined || !Array.isArray(answer)) return answer;
  return (answer as unknown[]).filter((row) => hasRight(principal, 'view', subjects(row))) as T;
}

/** True for a line of a stream that the sender may see. */
export function maySee(line: LogLine | RuntimeEvent | FollowLine<unknown>, principal: Principal): boolean {
  if (seesAll(principal)) return true;
  const subject = 'source' in line ? line.source : 'subject' in line ? line.subject : '';
  return subject !== '' && hasRight(principal, 'view', [subject]);
}
