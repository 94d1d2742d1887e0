/** A customer's accounts as any channel shows them. An account of somebody else is answered like one that does not exist. */
import { Component, Reference, type ServiceOf } from '@sluice/sdk';
import { Ledger, type AccountView, type HistoryPage } from '@sluice/core-api';
import { Accounts, type HistoryRequest } from '@sluice/product-api';

/** Accounts, balances and history of one customer at a time. */
@Component({ provides: Accounts })
export class AccountService implements ServiceOf<typeof Accounts> {
  constructor(@Reference(Ledger) private readonly ledger: ServiceOf<typeof Ledger>) {}

  async list(customerNo: string): Promise<AccountView[]> {
    return this.ledger.ofCustomer(customerNo);
  }

  async history({ customerNo, accountNo, limit, before }: HistoryRequest): Promise<HistoryPage | null> {
    const account = await this.ledger.find(accountNo);
    if (account === null || account.customerNo !== customerNo) return null;
    return this.ledger.history(accountNo, before === undefined ? { limit } : { limit, before });
  }
}
