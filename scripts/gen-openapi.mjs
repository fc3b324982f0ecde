// Writes docs/openapi.json from the routes. Needs `npm run build` before.
import { readFileSync, writeFileSync } from 'node:fs';
import { URL } from 'node:url';
import { openApiDocument } from '../dist/http/openapi/document.js';
import { restRoutes } from '../dist/http/routes/restRoutes.js';

const root = new URL('..', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
// No request comes: the services are not touched.
const document = openApiDocument(restRoutes({}), version);
writeFileSync(new URL('docs/openapi.json', root), `${JSON.stringify(document, undefined, 2)}\n`);
