/** Which platforms and Node versions the kernel runs on. */
import { SluiceError } from '@sluice/sdk';
import { checkPlatform } from './process-identity.js';

const NODE_MIN = [20, 19] as const;
/** The first Node 20 with the fixes of CVE-2025-59466, CVE-2025-55130 and CVE-2025-55132. */
const NODE_SAFE = [20, 20] as const;

/**
 * Refuses what cannot work, warns of what should not be used.
 * @throws SluiceError `PLATFORM_UNSUPPORTED`, `NODE_UNSUPPORTED`.
 */
export function assertSupported(platform: string = process.platform, version: string = process.versions.node): void {
  checkPlatform(platform);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const older = ([wantedMajor, wantedMinor]: readonly [number, number]): boolean =>
    major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
  if (older(NODE_MIN)) {
    throw new SluiceError('NODE_UNSUPPORTED', `Sluice needs Node ${NODE_MIN.join('.')} or newer, found ${version}`, {
      details: { version },
      remedy: 'Install the newest LTS of Node.',
    });
  }
  if (older(NODE_SAFE)) process.emitWarning(`Node ${version} has known holes that are closed in ${NODE_SAFE.join('.')}; update it`);
}
