import type { CataloguePage, CatalogueQuery } from '../../domain/catalogue.ts';
import { RecorderdError } from '../../domain/errors.ts';
import type { RetentionDeletion } from '../../domain/retention.ts';
import {
  CatalogueRequest,
  DeleteRequest,
  parseRequest,
  PartsRequest,
  RecordingRequest,
} from '../requests.ts';
import type { HttpServices } from '../services.ts';
import { withoutNulls } from './route.ts';
import type { Route } from './route.ts';

const DEFAULT_LIMIT = 100;
const DEFAULT_PARTS = 1000;

/** `/catalogue/…`: finished recordings, and how long they are kept. */
export function catalogueRoutes(services: Pick<HttpServices, 'catalogue' | 'retention'>): readonly Route[] {
  return [...findingRoutes(services), ...changingRoutes(services), ...retentionRoutes(services)];
}

function findingRoutes({ catalogue }: Pick<HttpServices, 'catalogue'>): readonly Route[] {
  const find = (body: unknown): CataloguePage => {
    const page = catalogue.find(queryOf(body));
    if (page.total === 0) throw new RecorderdError('RECORDING_NOT_FOUND', 'Recording not found');
    return page;
  };
  return [
    { path: '/catalogue/find', methods: ['POST'], handle: find },
    { path: '/catalogue/find_all', methods: ['GET', 'POST'], handle: (body) => find(body ?? {}) },
    {
      path: '/catalogue/recording',
      methods: ['POST'],
      handle: (body) => {
        const { recordingId, offset, limit } = parseRequest(RecordingRequest, body);
        return catalogue.recording(recordingId, { offset: offset ?? 0, limit: limit ?? DEFAULT_PARTS });
      },
    },
  ];
}

function changingRoutes({ catalogue }: Pick<HttpServices, 'catalogue'>): readonly Route[] {
  return [
    {
      path: '/catalogue/delete',
      methods: ['POST'],
      handle: async (body) => {
        const { recordingId, partIndex, force } = parseRequest(DeleteRequest, body);
        return { deleted: await catalogue.delete(recordingId, partIndex ?? undefined, force ?? false) };
      },
    },
    {
      path: '/catalogue/run_hook',
      methods: ['POST'],
      handle: (body) => {
        const { recordingId, partIndex } = parseRequest(PartsRequest, body);
        return catalogue.runHook(recordingId, partIndex ?? undefined);
      },
    },
  ];
}

function retentionRoutes({ retention }: Pick<HttpServices, 'retention'>): readonly Route[] {
  return [
    {
      path: '/catalogue/retention/plan',
      methods: ['GET', 'POST'],
      handle: async () => retentionView(await retention.plan(), true),
    },
    {
      path: '/catalogue/retention/run',
      methods: ['POST'],
      handle: async () => retentionView(await retention.run(), retention.dryRun),
    },
  ];
}

function queryOf(body: unknown): CatalogueQuery {
  const { sort, order, offset, limit, ...filter } = parseRequest(CatalogueRequest, body);
  return {
    ...withoutNulls(filter),
    sort: sort ?? 'startedAt',
    order: order ?? 'desc',
    offset: offset ?? 0,
    limit: limit ?? DEFAULT_LIMIT,
  };
}

/** Never 404: that nothing is to be deleted is an answer. */
function retentionView(deletions: readonly RetentionDeletion[], dryRun: boolean) {
  return {
    dryRun,
    bytes: deletions.reduce((sum, { file }) => sum + file.bytes, 0),
    files: deletions.map(({ file, reason, pattern }) => ({
      ...{ recordingId: file.recordingId, partIndex: file.partIndex, streamName: file.streamName },
      ...{ fileName: file.fileName, bytes: file.bytes, endedAt: file.endedAt, hookState: file.hookState },
      ...{ reason, pattern },
    })),
  };
}
