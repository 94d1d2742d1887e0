/**
 * Which process is meant by a process id: ids are used again, so an identity is the id together with the moment the process started.
 * Linux reads /proc, macOS asks `ps`. Other platforms are refused before anything is opened.
 */
import { readFileSync } from 'node:fs';
import { SluiceError } from '@sluice/sdk';

/** @throws SluiceError `PLATFORM_UNSUPPORTED`. */
export function checkPlatform(platform: string = process.platform): void {
  if (platform === 'linux' || platform === 'darwin') return;
  throw new SluiceError('PLATFORM_UNSUPPORTED', `Sluice cannot run on '${platform}': it needs Linux or macOS`, {
    details: { platform, supported: ['linux', 'darwin'] },
    remedy: 'Durable renames and Unix sockets are needed. On Windows, run it inside WSL 2 or a Linux container.',
  });
}

/** A text that differs between two processes with the same id, or null when no such process runs. Never contains `_`. */
export function processStart(pid: number, platform: string = process.platform): string | null {
  return platform === 'darwin' ? startFromPs(pid) : startFromProc(pid);
}

// The name in parentheses may hold spaces and parentheses; fields are counted after the last one. State is field 3, start time field 22.
function startFromProc(pid: number): string | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // A dead process that nobody has waited for holds nothing any more.
  if (fields[0] === 'Z' || fields[0] === 'X') return null;
  return fields[19] ?? null;
}

function startFromPs(pid: number): string | null {
  const { execFileSync } = require('node:child_process') as typeof import('node:child_process');
  try {
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'latin1',
      env: { LC_ALL: 'C', TZ: 'UTC' },
      stdio: 'pipe',
    });
    return text.trim() === ''
      ? null
      : text
          .trim()
          .replaceAll(/[^\w]+/g, '-')
          .replaceAll('_', '-');
  } catch {
    return null;
  }
}

/** Differs after every start of the machine; empty where the start time of a process already tells. */
export function bootId(platform: string = process.platform): string {
  if (platform !== 'linux') return '';
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8);
  } catch {
    return '';
  }
}
