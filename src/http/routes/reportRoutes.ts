import * as z from 'zod';
import { RecorderdError } from '../../domain/errors.ts';
import { parseRequest, ReportRequest } from '../requests.ts';
import type { HttpServices } from '../services.ts';
import { ReportAnswer } from '../openapi/answers.ts';
import { someOf } from './route.ts';
import type { Route, RouteDescription } from './route.ts';

const COMMON = {
  request: ReportRequest,
  answer: z.array(ReportAnswer),
  errors: ['BAD_REQUEST', 'REPORT_NOT_FOUND'],
} as const;
const ROUTES = {
  find: {
    path: '/reports/find',
    methods: ['POST'],
    summary: 'Lists the integrity reports that match every field sent, newest first.',
    ...COMMON,
  },
  findAll: {
    path: '/reports/find_all',
    methods: ['GET', 'POST'],
    summary: 'Lists the newest integrity reports.',
    ...COMMON,
  },
} as const satisfies Record<string, RouteDescription>;

/** `/reports/…`: integrity reports of finished files, newest first. */
export function reportRoutes({ reports }: Pick<HttpServices, 'reports'>): readonly Route[] {
  const find = async (body: unknown) => {
    const { limit, ...filter } = parseRequest(ReportRequest, body);
    const { recordingId, partIndex, mediaSessionId, fileName } = filter;
    const given = {
      recordingId: recordingId ?? undefined,
      partIndex: partIndex ?? undefined,
      mediaSessionId: mediaSessionId ?? undefined,
      fileName: fileName ?? undefined,
    };
    const found = await reports.find(given, limit ?? DEFAULT_LIMIT);
    return someOf(found, new RecorderdError('REPORT_NOT_FOUND', 'Integrity report not found'));
  };
  return [
    { ...ROUTES.find, handle: find },
    { ...ROUTES.findAll, handle: (body) => find(body ?? {}) },
  ];
}

const DEFAULT_LIMIT = 100;
