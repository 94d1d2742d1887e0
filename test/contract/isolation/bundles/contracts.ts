/** Contracts between the sample bundles of the tier conformance suite. */
import { contract, method, Type } from '@sluice/sdk';

const anything = Type.Unknown();

/** What the sample bundle offers; one method for each thing that must work in every tier. */
export const Sample = contract('sample.Sample', '1.0.0', {
  echo: method([anything], anything, 'gives back what it gets'),
  whereAmI: method([], Type.Object({ thread: Type.Number(), pid: Type.Number(), version: Type.String(), revision: Type.Number() })),
  greeting: method([], Type.String(), 'from the configuration'),
  greetingsSeen: method([], Type.Array(Type.String()), 'greetings told by a change of configuration'),
  fail: method([Type.String()], Type.Null(), 'throws an error with this code'),
  failPlainly: method([], Type.Null(), 'throws an error without a code'),
  askNeighbour: method([anything], anything, 'calls a service of another bundle'),
  neighbours: method([], Type.Array(Type.String()), 'names of all neighbours, best first'),
  sleep: method([Type.Number()], Type.Number(), 'waits on the clock of the context'),
  ticks: method([], Type.Number(), 'how often an interval came so far'),
  write: method([Type.String(), Type.String()], Type.Null(), 'writes a log line with a field'),
  countedByComponent: method([], Type.Number(), 'asks a component of the same bundle'),
  resource: method([Type.String()], Type.Union([Type.String(), Type.Null()])),
  exitTried: method([], Type.String(), 'code of the error that process.exit() gives'),
  environment: method([], Type.Number(), 'how many environment variables there are'),
  misbehave: method([Type.String()], Type.Null(), 'does what a bundle must not'),
});

/** A service of the sample's component. */
export const Counter = contract('sample.Counter', '1.0.0', { next: method([], Type.Number()) });

/** What a neighbour offers. */
export const Neighbour = contract('sample.Neighbour', '1.0.0', {
  answer: method([anything], anything),
  name: method([], Type.String()),
});
