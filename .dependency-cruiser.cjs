// The architecture of docs/architecture.md as rules. Node built-ins are reported without the `node:` prefix.
const only = (name, pkg, owner) => ({
  name: `${name}-has-one-owner`,
  severity: 'error',
  comment: `${pkg} is used in ${owner} only`,
  from: { path: '^src', pathNot: owner },
  to: { path: `^(node_modules/${pkg}/|${pkg}$)` },
});
const not = (name, from, to) => ({ name, severity: 'error', from: { path: from }, to: { path: to } });

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^src', pathNot: '^src/main\\.ts$' },
      to: {},
    },
    not('util-knows-nobody', '^src/util', '^src/(?!util)'),
    not('domain-knows-util-only', '^src/domain', '^src/(?!domain|util)'),
    {
      name: 'domain-and-util-do-no-io',
      severity: 'error',
      from: { path: '^src/(domain|util)' },
      to: {
        dependencyTypes: ['npm', 'core'],
        pathNot: '^(node:)?(buffer|path|crypto|string_decoder|timers/promises)$',
      },
    },
    not(
      'foundation-stays-below',
      '^src/(media|config|process|ops|storage|tcp)',
      '^src/(streams|ingest|recorder|hooks|reports|catalogue|http|signalling|backend|app|main|cli)',
    ),
    not('media-config-process-ops-are-strangers-1', '^src/media', '^src/(config|process|ops)'),
    not('media-config-process-ops-are-strangers-2', '^src/config', '^src/(media|process|ops)'),
    not(
      'streams-stay-below',
      '^src/streams',
      '^src/(ingest|recorder|hooks|reports|catalogue|http|app|main|cli)',
    ),
    not(
      'ingest-knows-no-recorder',
      '^src/ingest',
      '^src/(recorder|hooks|reports|catalogue|http|signalling|app|main|cli)',
    ),
    not(
      'recorder-knows-no-ingest',
      '^src/recorder',
      '^src/(ingest|hooks|reports|catalogue|http|signalling|app|main|cli)',
    ),
    not(
      'hooks-know-no-recorder',
      '^src/hooks',
      '^src/(ingest|recorder|reports|catalogue|streams|http|app|main|cli)',
    ),
    not(
      'reports-know-no-recorder',
      '^src/reports',
      '^src/(ingest|recorder|hooks|catalogue|streams|http|app|main|cli)',
    ),
    not(
      'catalogue-knows-no-recorder',
      '^src/catalogue',
      '^src/(ingest|recorder|hooks|reports|streams|http|signalling|app|main|cli)',
    ),
    not(
      'http-and-signalling-are-strangers',
      '^src/http',
      '^src/(signalling|ingest|reports|catalogue|app|main|cli)',
    ),
    not(
      'signalling-knows-streams-and-what-is-below',
      '^src/signalling',
      '^src/(?!signalling|streams|tcp|domain|util|media)',
    ),
    {
      name: 'protocols-are-strangers',
      severity: 'error',
      comment: 'RTP is what WebRTC and RTSP share; it knows neither',
      from: { path: '^src/ingest/(?!webrtc/|rtsp/)([^/]+)/' },
      to: { path: '^src/ingest/(?!$1/)' },
    },
    {
      name: 'protocols-over-rtp-are-strangers',
      severity: 'error',
      from: { path: '^src/ingest/(webrtc|rtsp)/' },
      to: { path: '^src/ingest/(?!$1/|rtp/)' },
    },
    not('only-the-composition-root-observes', '^src/(?!observe/|observing|app)', '^src/observe/'),
    not(
      'observe-stays-below-the-doors',
      '^src/observe',
      '^src/(ingest|http|signalling|reports|app|main|cli)',
    ),
    not(
      'commands-need-no-server',
      '^src/commands',
      '^src/(?!commands|hooks|reports|catalogue|media|domain|util)',
    ),
    not(
      'workers-know-no-doors',
      '^src/(workers/|worker|workerApp)',
      '^src/(http|signalling|hooks|reports|catalogue|observe|app|main|cli)',
    ),
    not(
      'only-the-composition-root-and-observe-know-workers',
      '^src/(?!workers/|worker|app|open|encoderDoors|observe)[^/]*/',
      '^src/workers/',
    ),
    not('only-serve-knows-app', '^src/(?!serve)', '^src/app\\.ts$'),
    only('execa', 'execa', '^src/process/'),
    only('chokidar', 'chokidar', '^src/recorder/recordWatcher\\.ts$'),
    only('winston', 'winston', '^src/ops/log\\.ts$'),
    only('properties-reader', 'properties-reader', '^src/config/properties\\.ts$'),
    only('send', 'send', '^src/http/files/sendFile\\.ts$'),
    only('koa', '(koa|@koa/[a-z]+)', '^src/http/'),
    only('ws', '(ws|@types/ws)', '^src/signalling/server\\.ts$'),
    only('node-datachannel', 'node-datachannel', '^src/ingest/webrtc/nativeTransport\\.ts$'),
    only('sdp-transform', 'sdp-transform', '^src/ingest/webrtc/offer\\.ts$'),
    not('child-processes-start-in-process', '^src/(?!process)', '^(node:)?child_process$'),
    { name: 'no-barrels', severity: 'error', from: {}, to: { path: '^src/.*index\\.ts$' } },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
