/**
 * Forwarders: one generated class per contract shape, whose objects pass each method on to one mutable face.
 * A face is a service object with its methods looked up once; calling through it costs the same however many classes of providers
 * have come and gone, where `target.method()` gets slow once it has met five of them (9 against 13 ns, measured).
 * The face sits in a private field, so a consumer cannot reach past its forwarder, and no method name can clash with it.
 * A generated class holds names only; nothing of a bundle stays alive through it.
 */
import { type Contract, type MethodShape, SluiceError } from '@sluice/sdk';

declare const FACE: unique symbol;
/** A service object prepared for the forwarders of one class. Opaque outside the generated code. */
export interface Face {
  readonly [FACE]: true;
}

/** Decides, call by call, what a forwarder without a direct face passes on to. */
export interface FaceSource {
  /** What to call, or null when there is nothing now. Never throws. */
  pick(): Face | null;
  /** The error of the call that `pick` could not serve. */
  failure(method: string): SluiceError;
}

/** A generated class. */
export interface ForwarderClass {
  new (source: FaceSource): object;
  /** Sets what calls go to directly; null sends every call through `pick`. */
  retarget(forwarder: object, face: Face | null): void;
  face(service: object): Face;
}

const METHOD_NAME = /^[a-zA-Z_$][\w$]*$/;
const REFUSED = new Set(['constructor', 'then', '__proto__']);
/** More arguments than this are a mistake in the contract, not a wish. */
const ARGS_MAX = 32;
/** Classes kept by shape, so that the next revision of a consumer finds its forwarder compiled. Past this many all are forgotten. */
const SHAPES_MAX = 2_000;

const byShape = new Map<string, ForwarderClass>();

/** The forwarder class of a contract. @throws SluiceError `CONTRACT_INVALID` when a method cannot be generated. */
export function forwarderClassOf(contract: Contract): ForwarderClass {
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
function generate(contract: Contract): ForwarderClass {
  const methods = Object.entries(contract.methods);
  const text = `'use strict';
class Face { constructor(service) { this.service = service;${methods.map(([name], at) => ` this.f${at} = callable(service.${name}, '${name}');`).join('')} } }
return class Forwarder {
  #face = null;
  #source;
  constructor(source) { this.#source = source; }
  static retarget(forwarder, face) { forwarder.#face = face; }
  static face(service) { return new Face(service); }
${methods.map(([name, method], at) => methodText(name, method, at)).join('\n')}
${contract.properties.map(propertyText).join('\n')}
};`;
  // Generated because a Proxy costs ten times as much per call, and a closure per method and reference a hundred bytes each.
  const made = new Function('callable', text)(callableFor(contract.id)) as ForwarderClass;
  Object.freeze(made.prototype);
  return Object.freeze(made);
}

/** Without a face an asynchronous method answers with a rejected promise, a synchronous one throws. */
function methodText(name: string, method: MethodShape, at: number): string {
  const args = method.args.map((_schema, index) => `a${index}`).join(', ');
  const failure = `this.#source.failure('${name}')`;
  return `  ${name}(${args}) {
    let face = this.#face;
    if (face === null) { face = this.#source.pick(); if (face === null) ${method.sync ? `throw ${failure}` : `return Promise.reject(${failure})`}; }
    return face.f${at}.call(face.service${args === '' ? '' : `, ${args}`});
  }`;
}

/** Plain data of a local service; read anew each time, because the service behind may be another one by then. */
function propertyText(name: string): string {
  return `  get ${name}() {
    const face = this.#face ?? this.#source.pick();
    if (face === null) throw this.#source.failure('${name}');
    return face.service.${name};
  }`;
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
