import * as z from 'zod';
import { RecorderdError } from '../../domain/errors.ts';
import { connectionView } from '../connectionView.ts';
import { ConnectionFilter, parseRequest, SessionRequest } from '../requests.ts';
import type { HttpServices } from '../services.ts';
import { ConnectionAnswer } from '../openapi/answers.ts';
import { matching, someOf } from './route.ts';
import type { Route, RouteDescription } from './route.ts';

const ROUTES = {
  findAll: {
    path: '/connection/find_all',
    methods: ['GET', 'POST'],
    summary: 'Lists all signalling sessions.',
    answer: z.array(ConnectionAnswer),
    errors: ['CONNECTION_NOT_FOUND'],
  },
  find: {
    path: '/connection/find',
    methods: ['POST'],
    summary: 'Lists the signalling sessions that match every field sent.',
    request: ConnectionFilter,
    answer: z.array(ConnectionAnswer),
    errors: ['BAD_REQUEST', 'CONNECTION_NOT_FOUND'],
  },
  terminate: {
    path: '/connection/terminate',
    methods: ['POST'],
    summary: 'Ends a signalling session with all its streams.',
    request: SessionRequest,
    errors: ['BAD_REQUEST', 'CONNECTION_NOT_FOUND'],
  },
} as const satisfies Record<string, RouteDescription>;

/** `/connection/…`: signalling sessions, and ending one with all its streams. */
export function connectionRoutes({ connections }: HttpServices): readonly Route[] {
  const find = (filter: object) =>
    someOf(
      matching(connections.all().map(connectionView), filter),
      new RecorderdError('CONNECTION_NOT_FOUND', 'Connection not found'),
    );
  return [
    { ...ROUTES.findAll, handle: () => find({}) },
    { ...ROUTES.find, handle: (body) => find(parseRequest(ConnectionFilter, body)) },
    {
      ...ROUTES.terminate,
      handle: (body) => {
        const { sessionId } = parseRequest(SessionRequest, body);
        const connection = connections.bySessionId(sessionId);
        if (connection === undefined) {
          throw new RecorderdError('CONNECTION_NOT_FOUND', `Connection not found: sessionId ${sessionId}`);
        }
        connection.terminate('Stopped by rest /terminate');
      },
    },
  ];
}
