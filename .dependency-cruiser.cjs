/** Who may import whom (docs/ARCHITECTURE.md has the picture). `npm run check` runs it; test/contract/project breaks each rule once. */
const only = (name, comment, from, allowed) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: {
    pathNot: allowed,
    dependencyTypesNot: ['core', 'npm', 'npm-dev', 'npm-peer', 'npm-optional', 'npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'],
  },
});

const sdk = '^sdk/';
const api = '^plugins/api/[^/]+/';

module.exports = {
  forbidden: [
    only('sdk-imports-nothing', 'The SDK imports nothing of ours.', sdk, [sdk]),
    only('model-only-sdk', 'The model is pure and at the bottom.', '^kernel/model/', [sdk, '^kernel/model/']),
    only('trust-only-model', 'Who is trusted is decided by pure code over the model.', '^kernel/trust/', [sdk, '^kernel/(model|trust)/']),
    only('resolver-only-model', 'The resolver is a pure function over the model.', '^kernel/resolver/', [sdk, '^kernel/(model|resolver)/']),
    only('registry-only-model', 'The registry knows the model, nothing above.', '^kernel/registry/', [sdk, '^kernel/(model|registry)/']),
    only('component-below-lifecycle', 'Components know model and registry.', '^kernel/component/', [
      sdk,
      '^kernel/(model|registry|component)/',
    ]),
    only('lifecycle-through-ports', 'The life cycle reaches the outside through ports only.', '^kernel/lifecycle/', [
      sdk,
      '^kernel/(model|resolver|registry|component|trust|lifecycle)/',
      '^kernel/host/ports\\.ts$',
    ]),
    only(
      'host-behind-ports',
      'Host implementations know ports and model; only the composition root knows the rest.',
      '^kernel/host/(?!runtime\\.ts$)',
      [sdk, '^kernel/(host|model|trust)/'],
    ),
    only('isolation-knows-the-parts', 'A tier runs a revision elsewhere: it knows how, never the running kernel.', '^kernel/isolation/', [
      sdk,
      '^kernel/(model|registry|isolation)/',
      '^kernel/lifecycle/(revision|log)\\.ts$',
      '^kernel/host/(ports|clock|loader)\\.ts$',
    ]),
    only('admin-serves-the-runtime', 'The admin server knows the runtime interface, never the engine.', '^kernel/admin/', [
      sdk,
      '^kernel/(admin|model|trust)/',
      '^kernel/lifecycle/runtime\\.ts$',
    ]),
    only('repository-reads-artifacts', 'Repositories read archives and manifests, and know no kernel.', '^kernel/repository/', [
      sdk,
      '^kernel/(repository|model)/',
      '^kernel/host/(archive|archive-writer|ports)\\.ts$',
    ]),
    only(
      'cli-is-a-client',
      'The command line is a client of the admin protocol, and a tool chain; `start` launches the kernel.',
      '^kernel/cli/',
      [
        sdk,
        '^kernel/(cli|admin|model|trust|repository)/',
        '^kernel/lifecycle/runtime\\.ts$',
        '^kernel/supervisor/(supervisor|control)\\.ts$',
        '^kernel/host/(start|trust|supervision|versions|backup|dump|archive|archive-writer|support|ports)\\.ts$',
      ],
    ),
    only('supervisor-stands-apart', 'The supervisor knows how it talks with a kernel, never the kernel.', '^kernel/supervisor/', [
      sdk,
      '^kernel/supervisor/',
      '^kernel/host/supervision\\.ts$',
      '^kernel/admin/address\\.ts$',
    ]),
    only('api-packages-hold-contracts', 'Contract packages import the SDK and other contract packages.', api, [sdk, api]),
    {
      name: 'trust-does-no-io',
      comment: 'kernel/trust decides over values; files and sockets are the business of host and admin.',
      severity: 'error',
      from: { path: '^kernel/trust/' },
      to: { path: '^(node:)?(fs|http|https|net|tls|dgram|child_process)(/|$)' },
    },
    {
      name: 'bundle-never-kernel',
      comment: 'A bundle sees the SDK and contracts, never the kernel.',
      severity: 'error',
      from: { path: '^plugins/' },
      to: { path: '^kernel/' },
    },
    {
      name: 'bundle-never-bundle',
      comment: 'A bundle never imports another bundle; they meet by services.',
      severity: 'error',
      from: { path: '^plugins/(?!api/)([^/]+)/([^/]+)/' },
      to: { path: '^plugins/(?!api/)', pathNot: '^plugins/$1/$2/' },
    },
    {
      name: 'domain-does-no-io',
      comment: 'domain/ decides; adapters/ talk to the outside.',
      severity: 'error',
      from: { path: '^plugins/[^/]+/[^/]+/domain/' },
      to: { path: ['/adapters/', '^(node:)?(fs|http|https|child_process|tls|dgram)(/|$)'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|build|node_modules)/' },
    tsPreCompilationDeps: true,
    parser: 'swc',
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.cjs', '.json'], conditionNames: ['require', 'default'], mainFields: ['main'] },
    moduleSystems: ['cjs', 'es6'],
  },
};
