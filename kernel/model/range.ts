/** First cut. */
import type { Version } from './version.js';
/** A set of versions. */
export interface VersionRange {
  includes(version: Version): boolean;
  toString(): string;
}
/** Parses an npm or OSGi range. @throws SluiceError `RANGE_INVALID` */
export declare function parseRange(text: string, notation?: 'npm' | 'osgi'): VersionRange;
