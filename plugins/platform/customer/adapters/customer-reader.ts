/** Finds customers. */
import type { DataService, ServiceOf } from '@sluice/sdk';
import type { CustomerView, Customers } from '@sluice/customer-api';
import type { CustomerTables } from './schema.js';

/** Customers by number. */
export class CustomerReader implements ServiceOf<typeof Customers> {
  constructor(
    private readonly data: Pick<DataService, 'query'>,
    private readonly tables: CustomerTables,
  ) {}

  async find(customerNo: string): Promise<CustomerView | null> {
    const rows = await this.data.query(`SELECT customer_no, name, pinyin FROM ${this.tables.customer} WHERE customer_no = ?`, [customerNo]);
    const row = rows[0];
    return row === undefined ? null : { customerNo: row.customer_no as string, name: row.name as string, pinyin: row.pinyin as string };
  }

  async count(): Promise<number> {
    return Number((await this.data.query(`SELECT COUNT(*) AS count FROM ${this.tables.customer}`))[0]?.count ?? 0);
  }
}
