/** Downloads within limits of size and time. A failure names the address, never a credential. */
import { messageOf, SluiceError } from '@sluice/sdk';

/** Longest download. */
const DOWNLOAD_TIMEOUT_MS = 60_000;

/** How to ask. */
export interface DownloadOptions {
  readonly bytesMax: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/**
 * The body behind an address, or null when nothing is there (404).
 * @throws SluiceError `REPOSITORY_UNREACHABLE`, `REPOSITORY_TOO_LARGE`.
 */
export async function download(url: string, { bytesMax, headers = {}, signal }: DownloadOptions): Promise<Buffer | null> {
  const shown = withoutCredentials(url);
  const limit = AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS);
  let response: Response;
  try {
    response = await fetch(shown, {
      headers: { ...credentialsOf(url), ...headers },
      signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
    });
  } catch (cause) {
    throw unreachable(shown, reasonOf(cause), cause);
  }
  if (response.status === 404) {
    await response.body?.cancel();
    return null;
  }
  if (!response.ok) {
    await response.body?.cancel();
    throw unreachable(shown, `it answered ${response.status} ${response.statusText}`);
  }
  return readBody(response, shown, bytesMax);
}

async function readBody(response: Response, shown: string, bytesMax: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
      bytes += part.length;
      // Leaving the loop cancels the download.
      if (bytes > bytesMax) break;
      parts.push(part);
    }
  } catch (cause) {
    throw unreachable(shown, `the download broke off after ${bytes} bytes: ${reasonOf(cause)}`, cause);
  }
  if (bytes <= bytesMax) return Buffer.concat(parts);
  throw new SluiceError('REPOSITORY_TOO_LARGE', `'${shown}' has more than ${bytesMax} bytes`, {
    details: { url: shown, bytesMax },
    httpStatus: 422,
    remedy: 'Nothing that large is an artifact; check the address.',
  });
}

function unreachable(shown: string, reason: string, cause?: unknown): SluiceError {
  return new SluiceError('REPOSITORY_UNREACHABLE', `Cannot read '${shown}': ${reason}`, {
    details: { url: shown },
    httpStatus: 502,
    retryable: true,
    remedy: 'Check the address and the way to it.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** What went wrong underneath: "fetch failed" says nothing. */
function reasonOf(cause: unknown): string {
  const inner = (cause as { cause?: unknown } | null)?.cause;
  return inner instanceof Error ? messageOf(inner) : messageOf(cause);
}

/** Name and password of an address as a header: `fetch` refuses them in the address. */
function credentialsOf(url: string): Readonly<Record<string, string>> {
  const { username, password } = new URL(url);
  if (username === '') return {};
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` };
}

/** An address as it may be shown. */
export function withoutCredentials(url: string): string {
  const parsed = new URL(url);
  parsed.username = '';
  parsed.password = '';
  return parsed.href;
}
