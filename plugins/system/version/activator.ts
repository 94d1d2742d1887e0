/** Bundle `system.version`: connects the framework's account of what is served to the route that clients ask. */
import { createHash } from 'node:crypto';
import { defineBundle, Framework, Routes, serveRoutes } from '@sluice/sdk';
import { versionRoutes } from './adapters/version-routes.js';
import { servedVersions, type VersionConfig } from './domain/served-versions.js';

export default defineBundle<VersionConfig>({
  provides: [Routes],
  requires: [Framework],

  activate(context) {
    const framework = context.reference(Framework);
    const versions = () => servedVersions(framework, context.config);
    const tagOf = (text: string) => `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
    serveRoutes(context, { title: 'Version', routes: versionRoutes(versions, tagOf) });
  },
});
