/** Members of services that do not work in another tier: the call says so, and what to do instead. */
import { SluiceError } from '@sluice/sdk';

/** @throws SluiceError `ISOLATION_MEMBER_REFUSED`, always. */
export function refuseMember(contractId: string, member: string, remedy = 'Run the bundle inline, or do without it.'): never {
  throw new SluiceError(
    'ISOLATION_MEMBER_REFUSED',
    `'${contractId}.${member}' hands over objects of the kernel's thread and does not work in another tier`,
    { details: { contract: contractId, member }, remedy },
  );
}
