// Writes conf/flashphoner.properties and docs/settings.md from the table of settings. Needs `npm run build` before.
import { writeFileSync } from 'node:fs';
import { URL } from 'node:url';
import { renderExampleProperties, renderSettingsMarkdown } from '../dist/config/render.js';

const root = new URL('..', import.meta.url);
writeFileSync(new URL('conf/flashphoner.properties', root), renderExampleProperties());
writeFileSync(new URL('docs/settings.md', root), renderSettingsMarkdown());
