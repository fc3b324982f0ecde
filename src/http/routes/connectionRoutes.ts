import { RecorderdError } from '../../domain/errors.ts';
import { connectionView } from '../connectionView.ts';
import { ConnectionFilter, parseRequest, SessionRequest } from '../requests.ts';
import type { HttpServices } from '../services.ts';
import { matching, someOf } from './route.ts';
import type { Route } from './route.ts';

/** `/connection/…`: signalling sessions, and ending one with all its streams. */
export function connectionRoutes({ connections }: HttpServices): readonly Route[] {
  const find = (filter: object) =>
    someOf(
      matching(connections.all().map(connectionView), filter),
      new RecorderdError('CONNECTION_NOT_FOUND', 'Connection not found'),
    );
  return [
    { path: '/connection/find_all', methods: ['GET', 'POST'], handle: () => find({}) },
    {
      path: '/connection/find',
      methods: ['POST'],
      handle: (body) => find(parseRequest(ConnectionFilter, body)),
    },
    {
      path: '/connection/terminate',
      methods: ['POST'],
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
