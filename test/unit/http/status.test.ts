import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import type { LiveState } from '../../../src/domain/liveState.ts';
import { LiveEvents } from '../../../src/http/events.ts';
import { eventually } from '../../support/eventually.ts';
import { MemoryLog, Rest } from './support.ts';

const STATE: LiveState = {
  ...{ at: 0, streams: [], streamsTotal: 0, recordings: [], recordingsTotal: 0, finishing: 0, waiting: 0 },
  disk: { state: 'ok', freeBytes: 2, totalBytes: 3 },
  hooks: { owed: 0, running: 0, parked: 0 },
  catalogueChanges: 0,
};
const GROUPS = {
  connections_stats: { connections: 3, connections_websocket: 1 },
  streams_stats: { streams_webrtc_in: 1, streams_rtmp_in: 2 },
  system_stats: { system_memory_total: 1000 },
  disk_stats: { disk_state: 'ok' },
};
let rest: Rest;
let events: LiveEvents;

afterEach(async () => {
  events.close();
  await rest.close();
});

async function start(state = () => Promise.resolve(STATE), maxListeners = 2): Promise<void> {
  rest = new Rest();
  events = new LiveEvents(state, { maxListeners, log: new MemoryLog() });
  const stat = () => Promise.resolve(GROUPS);
  rest.status = { stat, events, metrics: () => Promise.resolve('recorderd_x 1\n') };
  await rest.start();
}

/** An open answer and what came of it so far. */
class Listener {
  text = '';
  ended = false;
  readonly answer: IncomingMessage;

  private constructor(answer: IncomingMessage) {
    this.answer = answer;
    answer.setEncoding('utf8').on('data', (chunk: string) => (this.text += chunk));
    answer.on('error', () => undefined).on('end', () => (this.ended = true));
  }

  static open(): Promise<Listener> {
    return new Promise((resolve, reject) => {
      const asking = request(rest.url('/rest-api/events'), (answer) => resolve(new Listener(answer)));
      asking.on('error', reject).end();
    });
  }

  get states(): LiveState[] {
    const whole = this.text.split('\n\n').slice(0, -1);
    return whole.map((event) => JSON.parse(event.replace(/^data: /, '')) as LiveState);
  }
}

test('listeners are told the same state again and again, made once for all and only while they listen', async () => {
  let made = 0;
  await start(() => Promise.resolve({ ...STATE, at: ++made }));
  const [one, two] = [await Listener.open(), await Listener.open()];
  expect(one.answer.headers['content-type']).toBe('text/event-stream; charset=utf-8');
  expect(one.answer.headers['cache-control']).toBe('no-store');
  await eventually(
    () => (one.states.length >= 3 && two.states.length >= 3 ? true : undefined),
    'three states',
  );
  const shared = one.states.slice(1).filter(({ at }) => two.states.some((other) => other.at === at));
  expect(shared.length).toBeGreaterThanOrEqual(1);
  one.answer.destroy();
  two.answer.destroy();
  // When nobody listens any more, a third one may; with two it would be refused.
  const [three, four] = await eventually(async () => {
    const [a, b] = [await Listener.open(), await Listener.open()];
    if (a.answer.statusCode === 200 && b.answer.statusCode === 200) return [a, b] as const;
    a.answer.destroy();
    b.answer.destroy();
    return undefined;
  }, 'room for listeners');
  three.answer.destroy();
  four.answer.destroy();
});

test('listeners over the bound are refused', async () => {
  await start(undefined, 1);
  const one = await Listener.open();
  const two = await rest.get('/rest-api/events');
  expect(two.status).toBe(503);
  expect(await two.json()).toMatchObject({
    code: 'LIMIT_REACHED',
    message: 'no more than 1 listeners of events',
  });
  one.answer.destroy();
});

test('a listener that does not read gets no backlog', async () => {
  const filler = 'x'.repeat(1_000_000);
  let made = 0;
  const state = { ...STATE, streams: [{ name: filler }] } as unknown as LiveState;
  await start(() => Promise.resolve({ ...state, at: ++made }));
  const slow = await Listener.open();
  slow.answer.pause();
  const socket = slow.answer.socket;
  const [reader] = [await Listener.open()];
  await eventually(() => (made >= 8 ? true : undefined), 'eight states');
  await eventually(() => (reader.states.length >= 5 ? true : undefined), 'five states read');
  const readBefore = socket.bytesRead;
  slow.answer.resume();
  await eventually(() => (slow.states.length >= 2 ? true : undefined), 'the slow one goes on');
  // What waited for it is what the system's buffers and one state hold, not all that was made.
  expect(readBefore).toBeLessThan(made * filler.length);
  const ats = slow.states.map(({ at }) => at);
  expect(ats.some((at, i) => i > 0 && at > ats[i - 1]! + 1)).toBe(true);
  slow.answer.destroy();
  reader.answer.destroy();
});

test('a state that cannot be made is an error for the first, and a line of the log afterwards', async () => {
  let isBroken = true;
  await start(() => (isBroken ? Promise.reject(new Error('no state')) : Promise.resolve(STATE)));
  expect((await rest.get('/rest-api/events')).status).toBe(500);
  isBroken = false;
  const one = await Listener.open();
  expect(one.answer.statusCode).toBe(200);
  one.answer.destroy();
});

test('the shutdown ends the answers and refuses others', async () => {
  await start();
  const one = await Listener.open();
  events.close();
  await eventually(() => (one.ended ? true : undefined), 'the end');
  expect((await rest.get('/rest-api/events')).status).toBe(503);
});

/** As the official SDK reads the page. */
function parsed(text: string): Record<string, Record<string, string>> {
  const groups: Record<string, Record<string, string>> = {};
  let group = '';
  for (const line of text.split('\n').filter((each) => each !== '')) {
    if (line.startsWith('-')) {
      group = /-+([A-z]+) */.exec(line)![1]!.toLowerCase();
      groups[group] = {};
    } else {
      const [key, value] = line.split('=');
      groups[group]![key!] = value!;
    }
  }
  return groups;
}

test('?action=stat is what the official console reads', async () => {
  await start();
  const answer = await rest.get('/?action=stat&preventCache=Sat');
  expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  const text = await answer.text();
  expect(text).toMatch(/^-----Connection Stats-----\nconnections=3\n/);
  expect(parsed(text)).toEqual({
    connection: { connections: '3', connections_websocket: '1' },
    stream: { streams_webrtc_in: '1', streams_rtmp_in: '2' },
    system: { system_memory_total: '1000' },
    disk: { disk_state: 'ok' },
  });
});

test.each([
  ['connections_stats', ['connections_stats']],
  ['streams_stats,disk', ['streams_stats', 'disk_stats']],
  ['transcoding_stats', []],
  ['', Object.keys(GROUPS)],
])('?action=stat&format=json&groups=%s', async (wanted, expected) => {
  await start();
  const answer = await rest.get(`/?action=stat&format=json&groups=${wanted}`);
  expect(Object.keys((await answer.json()) as object)).toEqual(expected);
});

test('all of them are guarded', async () => {
  rest = new Rest();
  events = new LiveEvents(() => Promise.resolve(STATE), { maxListeners: 1, log: new MemoryLog() });
  rest.status = { events };
  const { AddressList } = await import('../../../src/tcp/addressList.ts');
  await rest.start({ rest: { allow: new AddressList('loopback'), users: [], token: 's3cr3t' } });
  for (const path of ['/metrics', '/rest-api/events', '/?action=stat']) {
    expect((await rest.get(path)).status).toBe(401);
  }
  const headers = { Authorization: 'Bearer s3cr3t' };
  expect((await fetch(rest.url('/metrics'), { headers })).status).toBe(200);
});
