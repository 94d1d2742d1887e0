/** The counter of the demo: opens a customer with a login, an account and a first deposit. */
import { CustomerOpening } from '@sluice/customer-api';
import { bigintText, defineBundle, reply, route, Routes, serveRoutes, Type } from '@sluice/sdk';

const Body = Type.Object({
  name: Type.String(),
  pinyin: Type.String(),
  login: Type.String(),
  password: Type.String(),
  depositMinor: bigintText({ minimum: 0n }),
});
const Opened = Type.Object({ customerNo: Type.String(), accountNo: Type.String() });
const Refused = Type.Object({ code: Type.String() });

export default defineBundle({
  provides: [Routes],
  requires: [CustomerOpening],
  activate(context) {
    const opening = context.reference(CustomerOpening);
    const openCustomer = route({
      method: 'POST',
      path: '/customers',
      operationId: 'openCustomer',
      summary: 'Opens a customer, a login and an account with a first deposit',
      schemas: { body: Body, responses: { 201: Opened, 409: Refused } },
      async handler({ body }) {
        const result = await opening.open({ ...body, currency: 'CNY' });
        if (result.outcome === 'refused') return reply(409, { code: result.code });
        return reply(201, { customerNo: result.customer.customerNo, accountNo: result.accountNo });
      },
    });
    serveRoutes(context, { title: 'Counter', routes: [openCustomer] });
  },
});
