/**
 * What a manifest offers and needs, in the one form the resolver works with. Derived once per manifest and remembered as long as the
 * manifest lives: a change of one bundle among a thousand must not pay for the other 999.
 */
import { normaliseProperties, parseFilter, Version, type Filter, type Manifest, type NormalisedProperties } from '../model/index.js';
import {
  BUNDLE_NAMESPACE,
  CONTRACT_NAMESPACE,
  PACKAGE_NAMESPACE,
  type Capability,
  type Requirement,
  type RequirementData,
} from './types.js';

/** Package name under which the kernel offers the SDK. */
export const SDK_PACKAGE = '@sluice/sdk';

/** The attribute that names a capability, in the namespaces that have names. */
const NAME_ATTRIBUTE: Readonly<Record<string, string>> = {
  [CONTRACT_NAMESPACE]: 'contract',
  [PACKAGE_NAMESPACE]: 'package',
  [BUNDLE_NAMESPACE]: 'bundle',
};

/** A requirement of a manifest. */
export interface Need extends Requirement {
  /** False for the SDK, whose range must fit but which the loader gives to every bundle without a wire. */
  readonly wires: boolean;
}

/** What one manifest offers and needs. */
export interface Derived {
  readonly capabilities: readonly Capability[];
  readonly needs: readonly Need[];
  /** The needs for which a bundle that is running may still gain wires. */
  readonly dynamic: readonly Need[];
}

const derivedOf = new WeakMap<Manifest, Derived>();

/** Offers and needs of a manifest. */
export function derive(manifest: Manifest): Derived {
  let derived = derivedOf.get(manifest);
  if (derived === undefined) {
    const needs = needsOf(manifest);
    const dynamic = needs.filter((need) => need.dynamic);
    derivedOf.set(manifest, (derived = { capabilities: capabilitiesOf(manifest), needs, dynamic }));
  }
  return derived;
}

/** Capabilities of the kernel: its contracts and the SDKs it serves, against which every bundle's `sdk` range is resolved. */
export function kernelCapabilities(
  contracts: readonly { readonly id: string; readonly version: string }[],
  ...sdkVersions: readonly string[]
): readonly Capability[] {
  return [
    ...sdkVersions.map((version) => ({
      namespace: PACKAGE_NAMESPACE,
      name: SDK_PACKAGE,
      version: Version.parse(version),
      attributes: { package: SDK_PACKAGE, version },
    })),
    ...contracts.map(({ id, version }) => contractCapability(id, Version.parse(version), {})),
  ];
}

const propertiesOf = new WeakMap<Capability, NormalisedProperties>();

/** Attributes of a capability in the form filters work on; an attribute called `version` compares as a version. */
export function matchable(capability: Capability): NormalisedProperties {
  let properties = propertiesOf.get(capability);
  if (properties === undefined) {
    const { attributes, version } = capability;
    propertiesOf.set(capability, (properties = normaliseProperties(version === null ? attributes : { ...attributes, version })));
  }
  return properties;
}

/** A requirement as plain data. */
export function requirementData({ namespace, name, range, filter }: Requirement): RequirementData {
  return { namespace, name, range: range?.toString() ?? null, filter: filter?.text ?? null };
}

function capabilitiesOf(manifest: Manifest): readonly Capability[] {
  const { symbolicName, version } = manifest;
  const text = version.toString();
  const capabilities: Capability[] = [{ namespace: BUNDLE_NAMESPACE, name: symbolicName, version, attributes: identityOf(manifest) }];
  for (const provided of manifest.provides) capabilities.push(contractCapability(provided.contract, provided.version, provided.attributes));
  for (const name of Object.keys(manifest.exports)) {
    capabilities.push({ namespace: PACKAGE_NAMESPACE, name, version, attributes: { package: name, version: text } });
  }
  for (const { namespace, attributes, effective } of manifest.capabilities) {
    if (effective !== AT_RESOLVE) continue;
    const own = attributes['version'];
    const parsed = typeof own === 'string' ? Version.tryParse(own) : undefined;
    capabilities.push({ namespace, name: '', version: parsed ?? null, attributes });
  }
  return capabilities;
}

/** Attributes of a bundle's identity. What nearly every bundle is, is not said. */
function identityOf({ symbolicName, version, family, fragment, fragmentAttachment }: Manifest): Readonly<Record<string, unknown>> {
  return {
    bundle: symbolicName,
    version: version.toString(),
    family,
    ...(fragment === null ? {} : { type: 'fragment' }),
    ...(fragmentAttachment === 'always' ? {} : { 'fragment-attachment': fragmentAttachment }),
  };
}

function contractCapability(contract: string, version: Version, attributes: Readonly<Record<string, unknown>>): Capability {
  return { namespace: CONTRACT_NAMESPACE, name: contract, version, attributes: { ...attributes, contract, version: version.toString() } };
}

function needsOf(manifest: Manifest): readonly Need[] {
  return [
    need({ ...ONE, namespace: PACKAGE_NAMESPACE, name: SDK_PACKAGE, range: manifest.sdkRange, filter: null, optional: false }, false),
    ...hostNeed(manifest),
    ...Object.entries(manifest.imports).map(([name, { range, optional }]) =>
      need({ ...ONE, namespace: PACKAGE_NAMESPACE, name, range, filter: null, optional }),
    ),
    // A contract is looked up while running, so an optional one may come later.
    ...manifest.requires.map(({ contract, range, filter, optional }) =>
      need({ ...ONE, namespace: CONTRACT_NAMESPACE, name: contract, range, filter: filter ?? null, optional, dynamic: optional }),
    ),
    ...manifest.requirements.flatMap(({ namespace, filter, optional, multiple, dynamic, effective }) => {
      if (effective !== AT_RESOLVE) return [];
      const name = nameInFilter(namespace, filter);
      return [need({ namespace, name, range: null, filter: filter ?? null, optional, multiple, dynamic })];
    }),
  ];
}

/** Other times belong to whoever named them; the resolver takes no notice. */
const AT_RESOLVE = 'resolve';
const ONE = { multiple: false, dynamic: false } as const;
const CAN_BE_HOST = parseFilter('(&(!(type=fragment))(!(fragment-attachment=never)))');

/** A fragment belongs to every host in its range, also to those that come later. */
function hostNeed({ fragment }: Manifest): readonly Need[] {
  if (fragment === null) return [];
  const { host, range } = fragment;
  return [need({ namespace: BUNDLE_NAMESPACE, name: host, range, filter: CAN_BE_HOST, optional: false, multiple: true, dynamic: true })];
}

function need(requirement: Requirement, wires = true): Need {
  const { namespace, name, range, filter, optional, multiple, dynamic } = requirement;
  return { namespace, name, range, filter, optional, multiple, dynamic, wires };
}

/** A generic requirement such as `(contract=core.Balances)` asks for one name, which spares looking at all the others. */
function nameInFilter(namespace: string, filter: Filter | undefined): string {
  const attribute = NAME_ATTRIBUTE[namespace];
  return filter?.equalities().find((equality) => equality.key === attribute)?.value ?? '';
}
