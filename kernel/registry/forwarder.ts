/**
 * Forwarders: what a consumer holds in place of a service. For each contract shape a maker is generated; what it makes is an object with
 * one function per method, each closed over one link whose face can change.
 * A face is a service object with its methods looked up once; calling through it costs the same however many classes of providers
 * have come and gone, where `target.method()` gets slow once it has met five of them (4 against 9 to 13 ns, measured).
 * Functions closed over the link, not a class with a private field: a reference is made in a tenth of the time, a consumer cannot
 * reach past it either, and a method taken off the object still works.
 * A generated maker holds names only; nothing of a bundle stays alive through it.
 */
import { type Contract, type MethodShape, SluiceError } from '@sluice/sdk';

declare const FACE: unique symbol;
/** A service object prepared for the forwarders of one class. Opaque outside the generated code. */
export interface Face {
  readonly [FACE]: true;
}

/** Where the calls of one forwarder go. */
export interface ForwarderLink {
  /** What calls go to directly; null sends every call through `pick`. */
  face: Face | null;
  /** What to call, or null when there is nothing now. Never throws. */
  pick(): Face | null;
  /** The error of the call that `pick` could not serve. */
  failure(method: string): SluiceError;
}

/** The generated code of one contract shape. */
export interface ForwarderMaker {
  forward(link: ForwarderLink): object;
  face(service: object): Face;
}

const METHOD_NAME = /^[a-zA-Z_$][\w$]*$/;
const REFUSED = new Set(['constructor', 'then', '__proto__']);
/** More arguments than this are a mistake in the contract, not a wish. */
const ARGS_MAX = 32;
/** Makers kept by shape, so that the next revision of a consumer finds its forwarder compiled. Past this many all are forgotten. */
const SHAPES_MAX = 2_000;

const byShape = new Map<string, ForwarderMaker>();

/** The forwarder maker of a contract. @throws SluiceError `CONTRACT_INVALID` when a method cannot be generated. */
export function forwarderMakerOf(contract: Contract): ForwarderMaker {
  const shape = shapeOf(contract);
  let made = byShape.get(shape);
  if (made === undefined) {
    made = generate(contract);
    if (byShape.size >= SHAPES_MAX) byShape.clear();
    byShape.set(shape, made);
  }
  return made;
}

function shapeOf(contract: Contract): string {
  let shape = contract.id;
  for (const [name, method] of Object.entries(contract.methods)) {
    if (!METHOD_NAME.test(name) || REFUSED.has(name) || method.args.length > ARGS_MAX) {
      throw new SluiceError(
        'CONTRACT_INVALID',
        `Contract '${contract.id}' cannot be forwarded: method '${name}' with ${method.args.length} arguments found, a plain name and at most ${ARGS_MAX} arguments expected`,
        { details: { contract: contract.id, method: name, args: method.args.length }, remedy: 'Rename the method or pass one object.' },
      );
    }
    shape += `|${name}/${method.args.length}${method.sync ? 's' : 'a'}`;
  }
  for (const name of contract.properties) {
    if (!METHOD_NAME.test(name) || REFUSED.has(name)) {
      throw new SluiceError(
        'CONTRACT_INVALID',
        `Contract '${contract.id}' cannot be forwarded: property '${name}' found, a plain name expected`,
        {
          details: { contract: contract.id, property: name },
          remedy: 'Rename the property.',
        },
      );
    }
    shape += `|${name}=`;
  }
  return shape;
}

/** The text holds nothing but checked names and argument numbers. */
function generate(contract: Contract): ForwarderMaker {
  const methods = Object.entries(contract.methods);
  const lookUps = methods.map(([name], at) => `this.f${at} = callable(service.${name}, '${name}');`);
  const text = `'use strict';
class Face { constructor(service) { this.service = service; ${lookUps.join(' ')} } }
return {
  face: (service) => new Face(service),
  forward: (link) => ({
${[...methods.map(([name, method], at) => methodText(name, method, at)), ...contract.properties.map(propertyText)].join('\n')}
  }),
};`;
  // Generated because a Proxy costs ten times as much per call.
  return Object.freeze(new Function('callable', text)(callableFor(contract.id)) as ForwarderMaker);
}

/** Without a face an asynchronous method answers with a rejected promise, a synchronous one throws. */
function methodText(name: string, method: MethodShape, at: number): string {
  const args = method.args.map((_schema, index) => `a${index}`).join(', ');
  const failure = `link.failure('${name}')`;
  return `    ${name}(${args}) {
      let face = link.face;
      if (face === null) { face = link.pick(); if (face === null) ${method.sync ? `throw ${failure}` : `return Promise.reject(${failure})`}; }
      return face.f${at}.call(face.service${args === '' ? '' : `, ${args}`});
    },`;
}

/** A property of a local service is read from the service of the moment, like a call. */
function propertyText(name: string): string {
  return `    get ${name}() {
      const face = link.face ?? link.pick();
      if (face === null) throw link.failure('${name}');
      return face.service.${name};
    },`;
}

/** A consumer may know a method that the provider lacks when the provider broke the rules of versions; the call then says so. */
function callableFor(contractId: string): (found: unknown, name: string) => unknown {
  return (found, name) => {
    if (typeof found === 'function') return found;
    return () => {
      throw new SluiceError('METHOD_MISSING', `The service behind '${contractId}' has no method '${name}'`, {
        details: { contract: contractId, method: name },
        remedy: 'Deploy a provider built against the contract version that added the method.',
      });
    };
  };
}
