/** First cut. */
import type { VersionRange } from './range.js';
/** Default range of a consumer compiled against a version of a contract: same major, at least that minor. */
export declare function compatibleRange(contractVersion: string): VersionRange;
