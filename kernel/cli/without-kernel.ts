/** What can be done on a data folder with and without a kernel on it: through the kernel where one runs, on the files where none does. */
import { isSluiceError } from '../admin/errors.js';
import type { AdminClient } from '../admin/client.js';
import type { CommandContext } from './command.js';

/** Tries the kernel, then the folder. A kernel on TCP is never replaced by a folder. */
export async function withOrWithoutKernel<T>(
  context: CommandContext,
  online: (client: AdminClient) => Promise<T>,
  offline: (host: typeof import('../host/trust.js')) => Promise<T>,
): Promise<T> {
  const client = context.client();
  try {
    return await online(client);
  } catch (error) {
    if (client.remote !== undefined || !isSluiceError(error) || error.code !== 'KERNEL_NOT_RUNNING') throw error;
    return offline(require('../host/trust.js') as typeof import('../host/trust.js'));
  }
}

/** As the owner of the folder, with the audit log told before and after. */
export function asOwner<T>(
  context: CommandContext,
  host: typeof import('../host/trust.js'),
  what: { readonly action: string; readonly target: string },
  work: (office: import('../host/trust.js').Trust['office']) => Promise<T>,
): Promise<T> {
  return host.withoutKernel(context.dataFolder, async ({ office, audit }) => {
    const ticket = await audit.begin({ actor: context.actor, role: 'owner', ...what });
    try {
      const result = await work(office);
      await ticket.end({ outcome: 'done' });
      return result;
    } catch (error) {
      await ticket.end({ outcome: 'failed', code: isSluiceError(error) ? error.code : 'UNEXPECTED' });
      throw error;
    }
  });
}
