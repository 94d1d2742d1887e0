/** Reads its texts from the files of the artifact. A fragment adds files, so a language comes without a change here. */
import { defineBundle, reply, route, Routes, serveRoutes, SluiceError, Type } from '@sluice/sdk';

export default defineBundle({
  provides: [Routes],
  activate(context) {
    const welcome = route({
      method: 'GET',
      path: '/welcome/:language',
      operationId: 'welcome',
      summary: 'The welcome in a language',
      schemas: {
        params: Type.Object({ language: Type.String({ pattern: '^[a-z]{2}$' }) }),
        responses: { 200: Type.Object({ text: Type.String() }) },
      },
      handler({ params }) {
        const bytes = context.resource(`public/welcome.${params.language}.txt`);
        if (bytes !== undefined) return reply(200, { text: Buffer.from(bytes).toString().trim() });
        throw new SluiceError('LANGUAGE_UNKNOWN', `There is no welcome in '${params.language}'`, {
          details: { language: params.language },
          remedy: 'Deploy a fragment that brings it.',
          httpStatus: 404,
        });
      },
    });
    serveRoutes(context, { title: 'Texts', routes: [welcome] });
  },
});
