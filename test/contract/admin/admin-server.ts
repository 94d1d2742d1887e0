/** A real admin server with real keys, tokens, uploads and audit log in a folder, in front of whatever runtime a test brings. */
import { parseManifest } from '@sluice/kernel/model/index';
import { startAdminServer, type AdminListenOptions, type AdminServer } from '@sluice/kernel/admin/server';
import { readArchive } from '@sluice/kernel/host/archive';
import { MemoryStore } from '@sluice/kernel/host/store';
import { openTrust, type Trust } from '@sluice/kernel/host/trust';
import type { Runtime } from '@sluice/kernel/lifecycle/runtime';
import type { Policy } from '@sluice/kernel/trust/policy';
import type { KnownVersion } from '@sluice/kernel/trust/version-rules';

/** A running server and what is behind it. */
export interface TestServer extends AdminServer {
  readonly trust: Trust;
}

/** Opens the trust of a folder over a store in memory. */
export function openTestTrust(dataFolder: string, policy?: Policy, store = new MemoryStore()): Trust {
  return openTrust(dataFolder, {
    now: () => Date.now(),
    store,
    read: (bytes, digest): KnownVersion => {
      const result = parseManifest(readArchive(bytes).packageJson);
      if (!result.ok) throw new Error('the artifact of a test has a wrong manifest');
      return { bundle: result.manifest.symbolicName, version: result.manifest.versionText, digest };
    },
    publishHead: () => {},
    alarm: () => {},
    ...(policy === undefined ? {} : { policy }),
  });
}

/** Starts a server; closing it closes everything. */
export async function startTestServer(runtime: Runtime, dataFolder: string, listen?: AdminListenOptions): Promise<TestServer> {
  const trust = openTestTrust(dataFolder);
  const server = await startAdminServer({ runtime, dataFolder, trust, ...(listen === undefined ? {} : { listen }) });
  return {
    ...server,
    trust,
    async close() {
      await server.close();
      await trust.close();
    },
  };
}
