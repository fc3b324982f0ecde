import { STATUS_CODES } from 'node:http';
import * as z from 'zod';
import { ERROR_STATUS } from '../../domain/errors.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import type { Route } from '../routes/route.ts';
import { ErrorAnswer } from './answers.ts';
import { GUARDED, otherPaths } from './otherPaths.ts';
import { Schemas } from './schemas.ts';

type Json = Readonly<Record<string, unknown>>;

/** Every path that reads a body can have these. */
const READING: readonly ErrorCode[] = ['BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];

const TAGS: Readonly<Record<string, string>> = {
  stream: 'Live streams, and recording them.',
  recorder: 'Recording on demand.',
  hooks: 'Runs of the record hook.',
  reports: 'Integrity reports of finished files.',
  catalogue: 'Finished recordings: which there are, what happened to them, how long they are kept.',
  connection: 'Signalling sessions of clients.',
  rtsp: 'Cameras that are pulled.',
  pull: 'Streams of other RTMP servers that are pulled.',
  status: 'How the server does.',
  files: 'Finished recordings.',
  whip: 'Publishing by WHIP (RFC 9725).',
};

/** What is served by http as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1). @param version of the package. */
export function openApiDocument(routes: readonly Route[], version: string): Json {
  const schemas = new Schemas();
  const errors = (codes: readonly ErrorCode[]): Json => errorResponses(codes, schemas);
  const paths = {
    ...Object.fromEntries(routes.map((route) => [`/rest-api${route.path}`, pathItem(route, schemas)])),
    ...otherPaths(schemas, errors),
  };
  const tags = Object.entries(TAGS).map(([name, description]) => ({ name, description }));
  return {
    openapi: '3.1.0',
    info: {
      title: 'recorderd',
      version,
      summary: 'REST interface of the live-stream recording server.',
      description:
        'Paths, fields and statuses are those of WCS’s REST API v2 where it has them. An empty list is 404. Fields may be added to answers.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'The server that this is read from.' }],
    security: [{}, { user: [] }, { token: [] }],
    tags,
    paths,
    components: {
      ...schemas.components(),
      securitySchemes: {
        user: { type: 'http', scheme: 'basic', description: 'One of rest_users.' },
        token: { type: 'http', scheme: 'bearer', description: 'rest_token.' },
      },
    },
  };
}

function pathItem(route: Route, schemas: Schemas): Json {
  return Object.fromEntries(
    route.methods.map((method) => [method.toLowerCase(), operation(route, method, schemas)]),
  );
}

function operation(route: Route, method: string, schemas: Schemas): Json {
  const { path, summary, request, answer, errors } = route;
  const reads = method === 'POST';
  return {
    operationId: `${method.toLowerCase()}${camelCase(path)}`,
    summary,
    tags: [path.split('/')[1]],
    ...(reads && request !== undefined && { requestBody: requestBody(request, schemas) }),
    responses: {
      200:
        answer === undefined
          ? { description: 'Done; the body is empty.' }
          : { description: 'What was asked for.', content: json(schemas.use(answer)) },
      ...errorResponses([...errors, ...GUARDED, ...(reads ? READING : [])], schemas),
    },
  };
}

function requestBody(request: z.ZodType, schemas: Schemas): Json {
  return { required: !request.safeParse({}).success, content: json(schemas.use(request)) };
}

/** One response for each status and the codes that it can have. */
function errorResponses(codes: readonly ErrorCode[], schemas: Schemas): Json {
  const statuses = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const status = ERROR_STATUS[code];
    statuses.set(status, [...(statuses.get(status) ?? []), code]);
  }
  const content = json(schemas.use(ErrorAnswer));
  const described = [...statuses].map(([status, of]) => {
    const description = `${STATUS_CODES[status] ?? ''}: ${of.join(', ')}.`;
    return [status, schemas.useResponse(of.join('.'), { description, content })] as const;
  });
  return Object.fromEntries(described);
}

function json(schema: Json): Json {
  return { 'application/json': { schema } };
}

function camelCase(path: string): string {
  return path.replace(/[/_]+(\w)/g, (_, letter: string) => letter.toUpperCase());
}
