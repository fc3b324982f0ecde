import { RecorderdError } from '../../domain/errors.ts';
import { parseRequest, ReportRequest } from '../requests.ts';
import type { HttpServices } from '../services.ts';
import { someOf } from './route.ts';
import type { Route } from './route.ts';

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
    { path: '/reports/find', methods: ['POST'], handle: find },
    { path: '/reports/find_all', methods: ['GET', 'POST'], handle: (body) => find(body ?? {}) },
  ];
}

const DEFAULT_LIMIT = 100;
