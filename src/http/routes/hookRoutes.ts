import { basename } from 'node:path';
import * as z from 'zod';
import { RecorderdError } from '../../domain/errors.ts';
import type { HookRunInfo } from '../../domain/hookRun.ts';
import { HookRunRequest, parseRequest } from '../requests.ts';
import type { HttpServices } from '../services.ts';
import { HookRunAnswer } from '../openapi/answers.ts';
import { someOf } from './route.ts';
import type { Route, RouteDescription } from './route.ts';

const ROUTES = {
  findAll: {
    path: '/hooks/find_all',
    methods: ['GET', 'POST'],
    summary: 'Lists the hook runs that have not ended well, oldest first.',
    answer: z.array(HookRunAnswer),
    errors: ['HOOK_NOT_FOUND'],
  },
  run: {
    path: '/hooks/run',
    methods: ['POST'],
    summary: 'Has a hook run tried again, or all of them.',
    isGuardedFromPages: true,
    request: HookRunRequest,
    errors: ['BAD_REQUEST', 'HOOK_NOT_FOUND'],
  },
} as const satisfies Record<string, RouteDescription>;

/** `/hooks/…`: hook runs that have not ended well, and running them again. */
export function hookRoutes({ hooks }: Pick<HttpServices, 'hooks'>): readonly Route[] {
  return [
    {
      ...ROUTES.findAll,
      handle: async () => {
        const runs = (await hooks.list()).map(hookRunView);
        return someOf(runs, new RecorderdError('HOOK_NOT_FOUND', 'Hook run not found'));
      },
    },
    { ...ROUTES.run, handle: (body) => hooks.run(parseRequest(HookRunRequest, body).id ?? undefined) },
  ];
}

const UNTRIED = {
  tries: 0,
  exitCode: undefined,
  signal: undefined,
  reason: null,
  output: null,
  triedAt: null,
  nextTryAt: undefined,
};

function hookRunView({ id, state, part, failed }: HookRunInfo) {
  const { tries, exitCode, signal, reason, output, triedAt, nextTryAt } = failed ?? UNTRIED;
  return {
    id,
    state,
    streamName: part.streamName,
    mediaSessionId: part.mediaSessionId,
    recordingId: part.recordingId,
    fileName: basename(part.path),
    partIndex: part.index,
    tries,
    exitCode: exitCode ?? null,
    signal: signal ?? null,
    reason,
    output,
    lastTry: triedAt,
    nextTry: nextTryAt ?? null,
  };
}
