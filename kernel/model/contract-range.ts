/** The range a consumer accepts when it states none: what is compatible with the contract it was compiled against. */
import { parseRange, type VersionRange } from './range.js';
import { Version } from './version.js';

/**
 * Default range of a consumer compiled against a version of a contract: the same major, at least that minor. Patches of a contract
 * change no method, so they are ignored. Below 1.0.0 each minor is a breaking step; npm's caret would also make each patch of 0.0 one.
 * @throws SluiceError `VERSION_INVALID`
 */
export function compatibleRange(contractVersion: string): VersionRange {
  const { major, minor } = Version.parse(contractVersion);
  return parseRange(`${major === 0 && minor === 0 ? '~' : '^'}${major}.${minor}.0`, 'npm');
}
