/** The same with an @koa/router. */
import { Router } from '@koa/router';
import { SluiceError, type KoaRouterLike } from '@sluice/sdk';
import { bytes, gone } from './streams.js';

/** Makes the router. */
export function router(): KoaRouterLike {
  return new Router({ prefix: '/koa' })
    .use(async (context, next) => {
      context.set('x-middleware', 'ran');
      await next();
    })
    .get('hello', '/hello/:name', (context) => {
      const { name } = context.params as { name: string };
      context.body = { hello: name, query: context.query, path: context.path, ip: context.ip };
    })
    .get('/bytes/:length', (context) => {
      context.type = 'application/octet-stream';
      context.body = bytes(Number((context.params as { length: string }).length));
    })
    .post('/upload', async (context) => {
      let received = 0;
      for await (const chunk of context.req) received += (chunk as Buffer).length;
      context.status = 201;
      context.body = String(received);
    })
    .post('/ignore', (context) => {
      context.body = 'not read';
    })
    .get('/conflict', () => {
      throw new SluiceError('SAMPLE_CONFLICT', 'as asked', { httpStatus: 409 });
    })
    .get('/fault', () => {
      throw new Error('nobody shall see this');
    })
    .get('/nothing', () => undefined)
    .get('/wait', (context) => gone((context as unknown as { signal: AbortSignal }).signal))
    .get('/empty', (context) => {
      context.status = 204;
    });
}
