/** A simulated disk on which one operation fails, for tests that know which one. */
import { SimulatedDisk, type DiskErrorCode, type DiskOperationKind } from '@sluice/kernel/testing';

const CHANGING: readonly DiskOperationKind[] = ['create', 'append', 'sync', 'rename', 'syncFolder'];

/** A disk on which a power cut takes everything that was not synced, and what fails leaves a quarter. */
export function forgetfulDisk(): SimulatedDisk {
  return new SimulatedDisk(() => 0.25);
}

/** Lets the n-th operation that changes something fail, counted from now. */
export function failAt(disk: SimulatedDisk, nth: number, code: DiskErrorCode): void {
  let count = 0;
  disk.decide = ({ kind }) => (CHANGING.includes(kind) && ++count === nth ? code : undefined);
}

/** Lets everything succeed again. */
export function heal(disk: SimulatedDisk): void {
  disk.decide = () => undefined;
}

/** The operations that change something, from now on. */
export function changesOf(disk: SimulatedDisk): readonly DiskOperationKind[] {
  const kinds: DiskOperationKind[] = [];
  disk.onOperation = ({ kind }) => void (CHANGING.includes(kind) && kinds.push(kind));
  return kinds;
}
