/**
 * Who may do what on the admin interface. Rights belong to roles, a grant is a role over bundle patterns, a principal holds grants. Everything
 * that is not granted is refused. Pure.
 */
import { covers } from './name-pattern.js';

/** What an action of the admin interface asks for. */
export const RIGHTS = ['view', 'upload', 'activate', 'operate', 'approve', 'downgrade', 'audit', 'administer'] as const;
/** One right. */
export type Right = (typeof RIGHTS)[number];

/** Rights by role. Nobody but `admin` can both bring code in and make it run: that takes two people. */
export const ROLES = {
  viewer: ['view'],
  developer: ['view', 'upload'],
  operator: ['view', 'activate', 'operate'],
  approver: ['view', 'approve', 'downgrade'],
  auditor: ['view', 'audit'],
  admin: RIGHTS,
} as const satisfies Record<string, readonly Right[]>;
/** A role that a token can have. */
export type Role = keyof typeof ROLES;

/** True for the name of a role. */
export function isRole(text: unknown): text is Role {
  return typeof text === 'string' && Object.hasOwn(ROLES, text);
}

/** A role over some bundles. */
export interface Grant {
  readonly role: Role;
  /** Patterns of bundle names. */
  readonly bundles: readonly string[];
}

/** Whoever sent a request. */
export interface Principal {
  /** As recorded: `token:<name>`, or what the owner of the data folder calls himself. */
  readonly name: string;
  /** As recorded: roles joined by a comma, or `owner`. */
  readonly role: string;
  readonly grants: readonly Grant[];
}

/** Whoever can open the socket in the data folder owns the kernel: the file's rights are the check. */
export function ownerPrincipal(name: string): Principal {
  return { name, role: 'owner', grants: [{ role: 'admin', bundles: ['*'] }] };
}

/**
 * True when a principal has a right: over every one of the bundles, over the whole system (`'*'`), or, with `'any'`, over at least
 * something, which is enough for what is narrowed to the principal's bundles afterwards.
 */
export function hasRight(principal: Principal, right: Right, over: readonly string[] | '*' | 'any'): boolean {
  const patterns = principal.grants
    .filter((grant) => (ROLES[grant.role] as readonly Right[]).includes(right))
    .flatMap((grant) => grant.bundles);
  if (over === 'any') return patterns.length > 0;
  if (over === '*') return patterns.includes('*');
  return over.length > 0 && over.every((name) => patterns.some((pattern) => covers(pattern, name)));
}
