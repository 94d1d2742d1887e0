/** What the remote bundles of one kernel share, and how one is asked for. Types only. */
import type { Clock } from '@sluice/sdk';
import type { GuestOrder, LoadRequest } from '../host/ports.js';
import type { GuestLaunchers } from './guest-link.js';

/** What remote bundles of a kernel share. */
export interface IsolationPorts {
  readonly clock: Clock;
  readonly launchers: GuestLaunchers;
}

/** A request to load a revision into a tier of its own. */
export type GuestRequest = LoadRequest & { readonly guest: GuestOrder };
