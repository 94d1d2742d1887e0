/** Middleware in Koa's sense, put together with the semantics of koa-compose (which is no host package). Pure. */

/** A Koa middleware, as structural as the SDK keeps routers. */
export type Middleware = (context: any, next: () => Promise<unknown>) => unknown;

/**
 * Composes middleware into one. A throw becomes a rejection, and a second `next()` of the same middleware rejects.
 */
export function compose(stack: readonly Middleware[]): (context: unknown, next: () => Promise<unknown>) => Promise<unknown> {
  const last = stack.length;
  return (context, next) => {
    let reached = -1;
    const dispatch = (index: number): Promise<unknown> => {
      if (index <= reached) return Promise.reject(new Error('next() called multiple times'));
      reached = index;
      try {
        const middleware = stack[index];
        return Promise.resolve(index === last || middleware === undefined ? next() : middleware(context, () => dispatch(index + 1)));
      } catch (error) {
        return Promise.reject(error as Error);
      }
    };
    return dispatch(0);
  };
}
