import type { CataloguePage, CatalogueQuery } from '../../domain/catalogue.ts';
import { RecorderdError } from '../../domain/errors.ts';
import type { RetentionDeletion } from '../../domain/retention.ts';
import {
  CatalogueRequest,
  DeleteRequest,
  ImportRequest,
  parseRequest,
  PartsRequest,
  RecordingRequest,
} from '../requests.ts';
import type { HttpServices } from '../services.ts';
import {
  CataloguePageAnswer,
  CatalogueRecordingAnswer,
  DeletedAnswer,
  ImportAnswer,
  RetentionAnswer,
} from '../openapi/catalogueAnswers.ts';
import { withoutNulls } from './route.ts';
import type { Route, RouteDescription } from './route.ts';

const DEFAULT_LIMIT = 100;
const DEFAULT_PARTS = 1000;

const FINDING = {
  request: CatalogueRequest,
  answer: CataloguePageAnswer,
  errors: ['BAD_REQUEST', 'RECORDING_NOT_FOUND'],
} as const;
const ROUTES = {
  find: {
    path: '/catalogue/find',
    methods: ['POST'],
    summary: 'Lists the finished recordings that match every field sent.',
    ...FINDING,
  },
  findAll: {
    path: '/catalogue/find_all',
    methods: ['GET', 'POST'],
    summary: 'Lists the newest finished recordings.',
    ...FINDING,
  },
  recording: {
    path: '/catalogue/recording',
    methods: ['POST'],
    summary: 'Tells of one recording and its files.',
    request: RecordingRequest,
    answer: CatalogueRecordingAnswer,
    errors: ['BAD_REQUEST', 'RECORDING_NOT_FOUND'],
  },
  delete: {
    path: '/catalogue/delete',
    methods: ['POST'],
    summary: 'Deletes a recording, or one file of it.',
    isGuardedFromPages: true,
    request: DeleteRequest,
    answer: DeletedAnswer,
    errors: ['BAD_REQUEST', 'RECORDING_NOT_FOUND', 'RECORDING_UNFINISHED', 'HOOK_UNFINISHED'],
  },
  runHook: {
    path: '/catalogue/run_hook',
    methods: ['POST'],
    summary: 'Runs the hook of a recording, or of one file of it, once more.',
    isGuardedFromPages: true,
    request: PartsRequest,
    errors: ['BAD_REQUEST', 'RECORDING_NOT_FOUND', 'HOOK_NOT_FOUND', 'FILE_NOT_FOUND'],
  },
  import: {
    path: '/catalogue/import',
    methods: ['POST'],
    summary: 'Takes files of the records folder into the catalogue that it does not know.',
    isGuardedFromPages: true,
    request: ImportRequest,
    answer: ImportAnswer,
    errors: ['BAD_REQUEST', 'LIMIT_REACHED'],
  },
  plan: {
    path: '/catalogue/retention/plan',
    methods: ['GET', 'POST'],
    summary: 'Lists what retention would delete now.',
    answer: RetentionAnswer,
    errors: [],
  },
  run: {
    path: '/catalogue/retention/run',
    methods: ['POST'],
    summary: 'Has retention delete now.',
    isGuardedFromPages: true,
    answer: RetentionAnswer,
    errors: [],
  },
} as const satisfies Record<string, RouteDescription>;

/** `/catalogue/…`: finished recordings, and how long they are kept. */
export function catalogueRoutes(
  services: Pick<HttpServices, 'catalogue' | 'imports' | 'retention'>,
): readonly Route[] {
  return [
    ...findingRoutes(services),
    ...changingRoutes(services),
    ...importRoutes(services),
    ...retentionRoutes(services),
  ];
}

function findingRoutes({ catalogue }: Pick<HttpServices, 'catalogue'>): readonly Route[] {
  const find = (body: unknown): CataloguePage => {
    const page = catalogue.find(queryOf(body));
    if (page.total === 0) throw new RecorderdError('RECORDING_NOT_FOUND', 'Recording not found');
    return page;
  };
  return [
    { ...ROUTES.find, handle: find },
    { ...ROUTES.findAll, handle: (body) => find(body ?? {}) },
    {
      ...ROUTES.recording,
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
      ...ROUTES.delete,
      handle: async (body) => {
        const { recordingId, partIndex, force } = parseRequest(DeleteRequest, body);
        return { deleted: await catalogue.delete(recordingId, partIndex ?? undefined, force ?? false) };
      },
    },
    {
      ...ROUTES.runHook,
      handle: (body) => {
        const { recordingId, partIndex } = parseRequest(PartsRequest, body);
        return catalogue.runHook(recordingId, partIndex ?? undefined);
      },
    },
  ];
}

function importRoutes({ imports }: Pick<HttpServices, 'imports'>): readonly Route[] {
  return [
    {
      ...ROUTES.import,
      handle: (body) => {
        const { fileName, dryRun } = parseRequest(ImportRequest, body);
        return imports.run(fileName ?? '*', dryRun ?? false);
      },
    },
  ];
}

function retentionRoutes({ retention }: Pick<HttpServices, 'retention'>): readonly Route[] {
  return [
    { ...ROUTES.plan, handle: async () => retentionView(await retention.plan(), true) },
    { ...ROUTES.run, handle: async () => retentionView(await retention.run(), retention.dryRun) },
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
