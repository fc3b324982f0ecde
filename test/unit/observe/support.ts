import { Observation } from '../../../src/observe/observation.ts';
import type { Observed } from '../../../src/observe/observed.ts';
import { EventLoop } from '../../../src/ops/eventLoop.ts';
import { Connections } from '../../../src/streams/connections.ts';
import { RequestCounts } from '../../../src/http/requestCounts.ts';
import { PulledCaptures } from '../../../src/ingest/pull/pulledCaptures.ts';
import { Counts } from '../../../src/util/counts.ts';
import { PULL_OPTIONS } from '../../support/pullRig.ts';
import { Home } from '../hooks/support.ts';
import type { Studio } from '../recorder/support.ts';

/** The real rooms around a studio, as the server puts them together. */
export function observed(studio: Studio, some: Partial<Observed> = {}): Observed {
  const { streams, recordings, disk, log } = studio;
  return {
    ...{ streams, recordings, disk },
    connections: new Connections(),
    workers: { all: [] },
    captures: new PulledCaptures({ streams, log }, PULL_OPTIONS),
    catalogue: { size: 3, changes: 7 },
    retention: { deleted: new Counts(['age', 'size', 'free-space']), deletedBytes: 0 },
    hooks: new Home().room({ script: '' }),
    eventLoop: new EventLoop(),
    doors: () => [{ door: 'rtmp', load: { open: 2, accepted: 5, refused: 1 } }],
    requests: new RequestCounts(),
    versions: { recorderd: '1.2.3', ffmpeg: '5.1 "x"\\' },
    listMax: 2,
    ...some,
  };
}

export function observation(studio: Studio, some: Partial<Observed> = {}): Observation {
  return new Observation(observed(studio, some));
}
