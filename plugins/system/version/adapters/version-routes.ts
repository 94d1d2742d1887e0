/** The version over HTTP, with an entity tag: who asks with the tag of last time is answered 304 until something changed. */
import { reply, route, Type, type RouteDefinition } from '@sluice/sdk';
import type { ServedVersions } from '../domain/served-versions.js';

const Answer = Type.Object(
  {
    generation: Type.Integer(),
    release: Type.Union([Type.Object({ name: Type.String(), version: Type.String() }), Type.Null()]),
    bundles: Type.Record(Type.String(), Type.String()),
  },
  { description: 'What is served now' },
);

/**
 * The routes, below `/.well-known/sluice`.
 * @param tagOf makes an entity tag of a text.
 */
export function versionRoutes(versions: () => ServedVersions, tagOf: (text: string) => string): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/version',
      operationId: 'version',
      summary: 'Generation, release and versions of what is served; 304 while nothing changed',
      schemas: { responses: { 200: Answer, 304: Type.Null({ description: 'Nothing changed since the tag' }) } },
      selfTest: true,
      handler: ({ headers }) => {
        const body = versions();
        const etag = tagOf(JSON.stringify(body));
        // Asked again before each use: that is what the tag is for.
        const answer = { etag, 'cache-control': 'no-cache' };
        return hasTag(headers['if-none-match'], etag) ? reply(304, undefined, answer) : reply(200, body, answer);
      },
    }),
  ];
}

/** RFC 9110, section 13.1.2: a list of tags compared weakly, or `*`. */
function hasTag(header: string | string[] | undefined, etag: string): boolean {
  const list = Array.isArray(header) ? header.join(',') : (header ?? '');
  return list.split(',').some((one) => {
    const tag = one.trim();
    return tag === '*' || tag === etag || tag === `W/${etag}`;
  });
}
