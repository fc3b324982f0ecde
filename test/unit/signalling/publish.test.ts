import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RecorderdError } from '../../../src/domain/errors.ts';
import type { ErrorCode } from '../../../src/domain/errors.ts';
import { streamView } from '../../../src/streams/streamView.ts';
import { eventually } from '../../support/eventually.ts';
import type { Client } from './support.ts';
import { Door, Gate } from './support.ts';

let door: Door;
let client: Client;
beforeEach(async () => {
  door = await new Door({ maxStreamsPerSession: 3, finalTimeoutMs: 400 }).start();
  client = await door.connect({ appKey: 'defaultApp', custom: { who: 'me' } });
});
afterEach(() => door.close());

/** The names of messages after `getUserData`, statuses spelled out. */
const story = (): unknown[] =>
  client.messages
    .slice(1)
    .map(({ message, data }) => (data[0] as { status?: string } | null)?.status ?? message);

describe('publishStream', () => {
  test('is answered, then PENDING, then PUBLISHING once when media flows', async () => {
    client.publish('a');
    await client.status('a', 'PENDING');
    expect(client.messages[1]).toEqual({ message: 'setRemoteSDP', data: ['a', 'answer to a', true] });
    door.ingest.flow();
    door.ingest.flow();
    await client.settled();
    expect(story()).toEqual(['setRemoteSDP', 'PENDING', 'PUBLISHING', 'pong']);
  });

  test('hands the whole wish to the ingest', async () => {
    const more = {
      record: true,
      custom: { k: 'v' },
      transport: 'TCP',
      bitrate: 5,
      localMediaInfo: { devices: {} },
    };
    client.publish('a', { ...more, sdp: 'the offer' });
    await client.status('a', 'PENDING');
    const { authToken } = await client.heard('getUserData');
    const [{ offer } = { offer: undefined }] = door.ingest.taken;
    expect(offer).toMatchObject({
      mediaSessionId: 'a',
      name: 'name-a',
      sdp: 'the offer',
      record: true,
      transport: 'TCP',
      custom: { k: 'v' },
      publisher: {
        sessionId: authToken,
        appKey: 'defaultApp',
        mediaProvider: 'WebRTC',
        custom: { who: 'me' },
      },
    });
    expect(offer?.publisher.login).toMatch(/^[0-9a-v]{26}$/);
  });

  test.each([
    [{}, false],
    [{ record: false }, false],
    [{ record: 'yes' }, false],
    [{ record: true }, true],
  ])('asks for a recording only when the client does: %j', async (more, record) => {
    client.publish('a', more);
    const event = await client.status('a', 'PENDING');
    expect(door.ingest.taken[0]?.offer.record).toBe(record);
    expect(event['record']).toBe(record);
  });

  test('events carry the whole stream as REST shows it', async () => {
    client.publish('a', { record: true });
    await client.status('a', 'PENDING');
    door.ingest.flow();
    const { stream } = door.ingest.taken[0]!;
    expect(await client.status('a', 'PUBLISHING')).toEqual(streamView(stream, undefined, Date.now()));
  });

  test('PUBLISHING says so when the stream waits for a full disk to be recorded', async () => {
    door.recordings.waiting.add('a');
    client.publish('a', { record: true });
    await client.status('a', 'PENDING');
    door.ingest.flow();
    const info = 'Not recorded before the full disk has room';
    expect(await client.status('a', 'PUBLISHING')).toMatchObject({ info, record: true, recordName: null });
  });

  test('media that flows before the answer is told after it', async () => {
    door.ingest.flowsAtOnce = true;
    client.publish('a');
    await client.status('a', 'PUBLISHING');
    expect(story()).toEqual(['setRemoteSDP', 'PENDING', 'PUBLISHING']);
  });

  test.each<[ErrorCode, string]>([
    ['STREAM_NAME_IN_USE', 'Stream name is already in use'],
    ['NO_COMMON_CODECS', 'No common codecs'],
    ['BAD_REQUEST', 'Failed to add stream to proxy'],
    ['LIMIT_REACHED', 'Failed to add stream to proxy'],
    ['SHUTTING_DOWN', 'Requested stream shutdown'],
    ['INTERNAL', 'Failed by error'],
  ])('refused with %s is FAILED: %s', async (code, info) => {
    door.ingest.failure = new RecorderdError(code, 'inside');
    client.publish('a', { record: true });
    expect(await client.status('a', 'FAILED')).toMatchObject({ name: 'name-a', published: true, info });
    door.ingest.failure = undefined;
    client.publish('a');
    await client.status('a', 'PENDING');
    expect(client.statuses('a')).toEqual(['FAILED', 'PENDING']);
  });

  test('that breaks inside the server is FAILED without a word of the inside', async () => {
    door.ingest.failure = new TypeError('/secret');
    client.publish('a');
    const event = await client.status('a', 'FAILED');
    expect(event['info']).toBe('Failed by error');
    expect(JSON.stringify(event)).not.toContain('secret');
  });

  test('of a name that is published already is FAILED', async () => {
    const other = await door.connect();
    other.publish('b', { name: 'same' });
    await other.status('b', 'PENDING');
    client.publish('a', { name: 'same' });
    expect(await client.status('a', 'FAILED')).toMatchObject({ info: 'Stream name is already in use' });
    expect(other.statuses('b')).toEqual(['PENDING']);
  });

  test('of a media session that is in use, by anybody, is FAILED and leaves the first alone', async () => {
    const other = await door.connect();
    other.publish('a', { name: 'first' });
    await other.status('a', 'PENDING');
    client.publish('a', { name: 'second' });
    expect(await client.status('a', 'FAILED')).toMatchObject({ info: 'MediaSessionId is already in use' });
    other.publish('a', { name: 'third' });
    expect(await other.status('a', 'FAILED')).toMatchObject({ info: 'MediaSessionId is already in use' });
    expect(door.streams.all().map(({ name }) => name)).toEqual(['first']);
    expect(door.ingest.asked).toBe(1);
  });

  test('twice at once, before the first is answered, asks the ingest once', async () => {
    door.ingest.gate = new Gate();
    client.publish('a');
    client.publish('a');
    await client.status('a', 'FAILED');
    expect(door.ingest.asked).toBe(1);
    door.ingest.gate.open();
    await client.status('a', 'PENDING');
  });

  test.each([{ sdp: undefined }, { sdp: '' }, { name: undefined }, { name: '' }, { name: 'x'.repeat(2000) }])(
    'without what it needs is FAILED: %j',
    async (more) => {
      client.publish('a', more);
      expect(await client.status('a', 'FAILED')).toMatchObject({ info: 'Failed to add stream to proxy' });
    },
  );

  test.each([{}, { mediaSessionId: null }, { mediaSessionId: 7 }, null, 'text', []])(
    'without a media session is told so: %j',
    async (body) => {
      client.say('publishStream', body);
      expect(await client.heard('fail')).toEqual({
        apiMethod: 'StreamStatusEvent',
        status: 'FAILED',
        info: 'MediaSessionId is null',
      });
    },
  );

  test('many streams live in one session, up to the bound', async () => {
    for (const id of ['a', 'b', 'c', 'd']) client.publish(id);
    expect(await client.status('d', 'FAILED')).toMatchObject({ info: 'Failed to add stream to proxy' });
    for (const id of ['a', 'b', 'c']) await client.status(id, 'PENDING');
    client.say('unPublishStream', { mediaSessionId: 'b' });
    await client.status('b', 'UNPUBLISHED');
    client.publish('e');
    await client.status('e', 'PENDING');
    expect(door.streams.all().map(({ name }) => name)).toEqual(['name-a', 'name-c', 'name-e']);
  });

  test('refused again and again is a few lines', async () => {
    door.ingest.failure = new RecorderdError('NO_COMMON_CODECS', 'no codec that both know');
    for (let n = 0; n < 200; n++) client.publish(`a${n}`);
    await client.status('a199', 'FAILED');
    const lines = door.warnings('web sdk publication refused');
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThan(10);
    expect(door.log.lines.length).toBeLessThan(20);
  });

  test('while the server drains is FAILED', async () => {
    door.server.drain();
    client.publish('a');
    expect(await client.status('a', 'FAILED')).toMatchObject({ info: 'Requested stream shutdown' });
    expect(door.ingest.asked).toBe(0);
  });
});

describe('unPublishStream', () => {
  test('is UNPUBLISHED with the name of the file, but only when that is final', async () => {
    const final = new Gate<string | undefined>();
    client.publish('a', { record: true });
    await client.status('a', 'PENDING');
    door.ingest.flow();
    door.recordings.finals.set('a', final.passed);
    client.say('unPublishStream', { mediaSessionId: 'a', record: false, status: 'PUBLISHING' });
    await eventually(() => door.ingest.taken[0]?.ends[0], 'ended');
    await client.settled();
    expect(client.statuses('a')).toEqual(['PENDING', 'PUBLISHING']);
    final.open('stream-a.mp4');
    expect(await client.status('a', 'UNPUBLISHED')).toMatchObject({
      name: 'name-a',
      info: 'Stopped by user',
      record: true,
      recordName: 'stream-a.mp4',
    });
    expect(door.ingest.taken[0]?.ends).toEqual(['Stopped by user']);
  });

  test('of a stream that was not recorded names no file', async () => {
    client.publish('a');
    await client.status('a', 'PENDING');
    client.say('unPublishStream', { mediaSessionId: 'a' });
    expect(await client.status('a', 'UNPUBLISHED')).toMatchObject({ record: false, recordName: null });
  });

  test('sent twice is answered once', async () => {
    client.publish('a');
    await client.status('a', 'PENDING');
    client.say('unPublishStream', { mediaSessionId: 'a' });
    client.say('unPublishStream', { mediaSessionId: 'a' });
    await client.status('a', 'UNPUBLISHED');
    await client.settled();
    expect(client.statuses('a').filter((status) => status === 'UNPUBLISHED')).toHaveLength(1);
    expect(door.ingest.taken[0]?.ends).toEqual(['Stopped by user']);
  });

  test('of an unknown media session is FAILED', async () => {
    client.say('unPublishStream', { mediaSessionId: 'nobody' });
    expect(await client.status('nobody', 'FAILED')).toMatchObject({ info: 'Stream not found' });
  });

  test('of another client’s stream does nothing to it', async () => {
    client.publish('a');
    await client.status('a', 'PENDING');
    const other = await door.connect();
    other.say('unPublishStream', { mediaSessionId: 'a' });
    await other.status('a', 'FAILED');
    expect(door.ingest.taken[0]?.stream.ended).toBe(false);
  });

  test('while the publication is still being answered ends it at the answer', async () => {
    door.ingest.gate = new Gate();
    client.publish('a');
    client.say('unPublishStream', { mediaSessionId: 'a' });
    await client.settled();
    door.ingest.gate.open();
    await client.status('a', 'UNPUBLISHED');
    expect(client.all('setRemoteSDP')).toEqual([]);
    expect(door.ingest.taken[0]?.ends).toEqual(['Stopped by user']);
    expect(door.streams.all()).toEqual([]);
  });

  test('does not wait for ever for the file', async () => {
    door.recordings.finals.set('a', new Promise(() => undefined));
    client.publish('a');
    await client.status('a', 'PENDING');
    client.say('unPublishStream', { mediaSessionId: 'a' });
    expect(await client.status('a', 'UNPUBLISHED')).toMatchObject({ recordName: null });
    expect(door.warnings('client told of its end before the file was final')).toHaveLength(1);
  });

  test('one stream that finishes slowly holds up nothing else', async () => {
    door.recordings.finals.set('a', new Promise(() => undefined));
    for (const id of ['a', 'b']) client.publish(id);
    await client.status('b', 'PENDING');
    client.say('unPublishStream', { mediaSessionId: 'a' });
    client.say('unPublishStream', { mediaSessionId: 'b' });
    await client.status('b', 'UNPUBLISHED');
    expect(client.statuses('a')).toEqual(['PENDING']);
    await client.status('a', 'UNPUBLISHED');
  });
});

describe('sendStreamEvent', () => {
  test('keeps what the publisher mutes in the stream object', async () => {
    client.publish('a');
    await client.status('a', 'PENDING');
    const { muted } = door.ingest.taken[0]!.stream;
    const steps = [
      ['audioMuted', { audio: true, video: false }],
      ['videoMuted', { audio: true, video: true }],
      ['data', { audio: true, video: true }],
      ['audioUnmuted', { audio: false, video: true }],
    ] as const;
    for (const [type, expected] of steps) {
      client.say('sendStreamEvent', { mediaSessionId: 'a', type, payload: { x: 1 } });
      await client.settled();
      expect(muted).toEqual(expected);
    }
    door.ingest.flow();
    const event = await client.status('a', 'PUBLISHING');
    expect(event).toMatchObject({ audioState: { muted: false }, videoState: { muted: true } });
  });

  test('of another client changes nothing', async () => {
    client.publish('a');
    await client.status('a', 'PENDING');
    const other = await door.connect();
    other.say('sendStreamEvent', { mediaSessionId: 'a', type: 'audioMuted' });
    await other.settled();
    expect(door.ingest.taken[0]?.stream.muted.audio).toBe(false);
  });
});
