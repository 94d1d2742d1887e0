/** Opens everything of trust in a data folder: audit log, keys and tokens, signatures, uploads. For the running kernel, and for work without one. */
import { mkdirSync } from 'node:fs';
import type { Policy } from '../trust/policy.js';
import type { ChainHead } from '../trust/audit-chain.js';
import type { AdminTrust, InstalledContent } from '../trust/ports.js';
import type { Alarm } from './ports.js';
import { openArtifactShelf, type FolderShelf, type ShelfParts } from './artifact-shelf.js';
import { openAuditLog, type FileAuditLog } from './audit-log.js';
import { acquireLock } from './lock.js';
import { openTrustGate, type FolderTrustGate } from './trust-gate.js';
import { openTrustOffice, type FolderTrustOffice } from './trust-office.js';

export { readAudit, verifyAudit } from './audit-log.js';

/** How to open. */
export interface TrustOptions extends Pick<ShelfParts, 'store' | 'read' | 'now'> {
  /** In place of what the settings file says. */
  readonly policy?: Policy;
  /** Told the head of the audit log now and then. */
  readonly publishHead: (head: ChainHead) => void;
  readonly alarm: (alarm: Alarm) => void;
}

/** Everything of trust of a running kernel. */
export interface Trust extends AdminTrust {
  readonly audit: FileAuditLog;
  readonly office: FolderTrustOffice;
  readonly gate: FolderTrustGate;
  readonly shelf: FolderShelf;
  close(): Promise<void>;
}

/**
 * Opens the trust of a data folder. The caller holds its lock.
 * @throws SluiceError `AUDIT_UNAVAILABLE`, `KEY_RING_INVALID`, `TOKEN_BOOK_INVALID`, `TRUST_SETTINGS_INVALID`.
 */
export function openTrust(dataFolder: string, options: TrustOptions): Trust {
  const { now, policy, publishHead } = options;
  const office = openTrustOffice(dataFolder, { now, ...(policy === undefined ? {} : { policy }) });
  const audit = openAuditLog(dataFolder, { now, publish: publishHead });
  const gate = openTrustGate(dataFolder, office);
  const shelf = openArtifactShelf(dataFolder, { ...options, gate });
  let adminUrl: string | null = null;
  return {
    audit,
    office,
    gate,
    shelf,
    requested: new Set(),
    status: (installed) => ({
      policy: office.policy,
      auditHead: `${audit.head.sequence}:${audit.head.hash}`,
      adminUrl,
      unapproved: installed.flatMap(({ symbolicName, version, digest }) =>
        gate.verdict(digest).approved ? [] : [`${symbolicName} ${version}`],
      ),
    }),
    listens: (url) => void (adminUrl = url),
    keyRevoked(installed) {
      const touched = installed.filter(({ digest }) => gate.isRevoked(digest));
      if (touched.length > 0 && office.policy !== 'off') options.alarm(revokedWhileRunning(touched));
    },
    async close() {
      // A log that ends without it belongs to a process that was killed. Where it cannot be written, the log has its alarm already.
      const stop = { actor: 'kernel', role: 'kernel', action: 'kernel.stop', target: '', phase: 'note' } as const;
      await audit.write(stop).catch(() => undefined);
      await audit.close();
      await gate.close();
    },
  };
}

/**
 * Works on keys and tokens of a data folder on which no kernel runs, as its owner: before a first start that requires signatures there must be
 * keys. The lock is held meanwhile, and the audit log records it.
 * @throws SluiceError `DATA_FOLDER_LOCKED` and as {@link openTrust}.
 */
export async function withoutKernel<T>(dataFolder: string, work: (parts: Pick<Trust, 'office' | 'audit'>) => Promise<T>): Promise<T> {
  mkdirSync(dataFolder, { recursive: true });
  const lock = await acquireLock(dataFolder);
  try {
    const now = (): number => Date.now();
    const office = openTrustOffice(dataFolder, { now });
    const audit = openAuditLog(dataFolder, { now });
    try {
      return await work({ office, audit });
    } finally {
      await audit.close();
    }
  } finally {
    await lock.release();
  }
}

function revokedWhileRunning(bundles: readonly InstalledContent[]): Alarm {
  const names = bundles.map(({ symbolicName, version }) => `${symbolicName} ${version}`);
  return {
    code: 'RUNNING_WITHOUT_APPROVAL',
    message: `A key was revoked that had signed what is installed: ${names.join(', ')}`,
    details: { bundles: names },
    remedy: 'It goes on running and does not start again. Deploy it signed anew, or stop it.',
  };
}
