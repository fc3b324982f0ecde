import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type * as z from 'zod';
import type { HookRunInfo } from '../../../src/domain/hookRun.ts';
import { LiveEvents } from '../../../src/http/events.ts';
import { CataloguePageAnswer, CatalogueRecordingAnswer } from '../../../src/http/openapi/catalogueAnswers.ts';
import { DeletedAnswer, RetentionAnswer } from '../../../src/http/openapi/catalogueAnswers.ts';
import {
  ConnectionAnswer,
  ErrorAnswer,
  HealthAnswer,
  HookRunAnswer,
  LiveStateAnswer,
  ReadyAnswer,
  RecordingAnswer,
  ReportAnswer,
  SnapshotAnswer,
  StatAnswer,
  StreamAnswer,
} from '../../../src/http/openapi/answers.ts';
import { openApiDocument } from '../../../src/http/openapi/document.ts';
import { restRoutes } from '../../../src/http/routes/restRoutes.ts';
import type { HttpServices } from '../../../src/http/services.ts';
import { CatalogueHome } from '../catalogue/support.ts';
import { part } from '../hooks/support.ts';
import { observation } from '../observe/support.ts';
import { AUDIO, keyFrame, Studio, VIDEO } from '../recorder/support.ts';
import { report } from '../reports/support.ts';
import { MemoryLog, PACKAGE_DIR, Rest } from './support.ts';

const { version } = JSON.parse(readFileSync(join(PACKAGE_DIR, 'package.json'), 'utf8')) as {
  version: string;
};
const ROUTES = restRoutes({} as HttpServices);

interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

test('docs/openapi.json is what the server would answer (make build && node scripts/gen-openapi.mjs)', () => {
  const kept: unknown = JSON.parse(readFileSync(join(PACKAGE_DIR, 'docs/openapi.json'), 'utf8'));
  expect(kept).toEqual(JSON.parse(JSON.stringify(openApiDocument(ROUTES, version))));
});

test('docs/rest.md and the description tell of the same paths', () => {
  const page =
    readFileSync(join(PACKAGE_DIR, 'docs/rest.md'), 'utf8') +
    readFileSync(join(PACKAGE_DIR, 'docs/captures.md'), 'utf8');
  for (const { path } of ROUTES) expect(page).toContain(path.replace(/^\/pull(\/rtmp)?\//, '/'));
  const { paths } = openApiDocument(ROUTES, version) as unknown as Described;
  const told = [...page.matchAll(/^\| `(\/rest-api\/[\w/]+)`/gm)].map(([, path]) => path!);
  expect(told.length).toBeGreaterThan(15);
  expect(told.filter((path) => !(path in paths))).toEqual([]);
});

describe('a server', () => {
  let rest: Rest;
  let events: LiveEvents;

  beforeEach(async () => {
    const studio = await Studio.open({}, false);
    const seen = observation(studio);
    events = new LiveEvents(() => seen.live(), { maxListeners: 1, log: new MemoryLog() });
    rest = new Rest();
    rest.status = { metrics: () => seen.metrics(), stat: () => seen.stat(), events };
    const failed = {
      reason: 'r',
      exitCode: 1,
      signal: undefined,
      output: '',
      tries: 1,
      triedAt: 1,
      nextTryAt: 2,
    };
    const runs: HookRunInfo[] = [
      { id: '1', state: 'retrying', part: part(), failed },
      { id: '2', state: 'waiting', part: part(), failed: undefined },
    ];
    rest.hooks = { list: () => Promise.resolve(runs), run: () => Promise.resolve() };
    rest.reports = { find: () => Promise.resolve([report(7)]) };
    await rest.start();
  });
  afterEach(async () => {
    events.close();
    await rest.close();
  });

  /** Every field of an answer is described, and has the type that is. */
  async function fits(schema: z.ZodType, answer: Response, status = 200): Promise<void> {
    const body: unknown = await answer.json();
    expect(answer.status).toBe(status);
    expect(schema.parse(body)).toEqual(body);
  }

  test('answers as it is described', async () => {
    const stream = rest.publish('cam');
    for (const track of [VIDEO, AUDIO]) stream.setTrack(track);
    stream.push(keyFrame(0));
    rest.publish('quiet');
    rest.connection('/a/b');
    rest.recordings.start(stream, {});
    await fits(StreamAnswer.array(), await rest.get('/rest-api/stream/find_all'));
    await fits(ConnectionAnswer.array(), await rest.get('/rest-api/connection/find_all'));
    await fits(RecordingAnswer.array(), await rest.get('/rest-api/recorder/find_all'));
    await fits(SnapshotAnswer, await rest.post('/rest-api/stream/snapshot', { streamName: 'cam' }));
    await fits(HookRunAnswer.array(), await rest.get('/rest-api/hooks/find_all'));
    await fits(ReportAnswer.array(), await rest.get('/rest-api/reports/find_all'));
    await fits(HealthAnswer, await rest.get('/healthz'));
    await fits(ReadyAnswer, await rest.get('/readyz'));
    await fits(StatAnswer, await rest.get('/?action=stat&format=json'));
    await fits(ErrorAnswer, await rest.get('/nothing/here'), 404);
  });

  test('tells the live state as it is described', async () => {
    const studio = await Studio.open({ trackWaitMs: 0 });
    const stream = studio.publish('cam');
    stream.setTrack(VIDEO);
    stream.push(keyFrame(0));
    await studio.logged('child started');
    const state = await observation(studio).live();
    expect(state.recordings.length).toBe(1);
    expect(LiveStateAnswer.parse(state)).toEqual(state);
    await studio.recordings.close();
  });

  test('tells of finished files as it is described', async () => {
    const home = new CatalogueHome();
    const catalogue = await home.catalogue();
    const taken = home.put('cam.mp4');
    await home.take(catalogue, taken);
    await home.end(catalogue, taken);
    const file = [...catalogue.files()][0]!;
    const planned = [{ file, reason: 'age' as const, pattern: '*' }];
    rest.catalogue = catalogue;
    rest.retention = { dryRun: true, plan: () => Promise.resolve(planned), run: () => Promise.resolve([]) };
    await rest.close();
    await rest.start();
    const { recordingId } = taken;
    await fits(CataloguePageAnswer, await rest.get('/rest-api/catalogue/find_all'));
    await fits(CatalogueRecordingAnswer, await rest.post('/rest-api/catalogue/recording', { recordingId }));
    await fits(RetentionAnswer, await rest.get('/rest-api/catalogue/retention/plan'));
    await fits(DeletedAnswer, await rest.post('/rest-api/catalogue/delete', { recordingId }));
    await home.remove();
  });

  test('gives its own description, with which paths it has', async () => {
    const answer = await rest.get('/openapi.json');
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const { paths } = (await answer.json()) as Described;
    for (const [path, item] of Object.entries(paths)) {
      if (!path.startsWith('/rest-api/') || path.endsWith('/events')) continue;
      for (const method of ['get', 'post'] as const) {
        const { status } = method === 'get' ? await rest.get(path) : await rest.post(path, {});
        expect([path, method, status === 405]).toEqual([path, method, !(method in item)]);
      }
    }
  });

  test('shows it in a page under a strict policy', async () => {
    const page = await rest.get('/api');
    expect(page.url).toBe(rest.url('/api/'));
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
    expect(await page.text()).not.toMatch(/https?:|<script>|style=/);
    expect((await rest.get('/api/api.js')).status).toBe(200);
    for (const path of ['/api/none.js', '/api/..%2Fclient2', '/api/.hidden']) {
      expect((await rest.get(path)).status).toBe(404);
    }
  });
});
