import type * as z from 'zod';
import { RecorderdError } from '../domain/errors.ts';
import type { Client } from './client.ts';
import type { Identity } from './identity.ts';
import { INFO } from './infos.ts';
import {
  AnyBody,
  ConnectionBody,
  DataBody,
  MediaSessionBody,
  NamedStreamBody,
  PlayBody,
  PublishBody,
  StreamEventBody,
} from './messages.ts';
import { isCamera } from './plays.ts';
import { refusedPlay, refusedPublication } from './refusal.ts';

/** Does what one message asks for. */
export type Handler = (client: Client, body: unknown) => void;

type Refuse = (client: Client, body: unknown, info: string) => void;

const ROOM_APP = 'roomApp';
const ROOM_COMMANDS: readonly unknown[] = ['join', 'leave', 'sendMessage'];

const ignore: Refuse = (client) => client.note('message not served');

/** Every message that is understood, by name; a Map, because the name is the client's. */
export const HANDLERS: ReadonlyMap<string, Handler> = new Map([
  ['connection', anytime(ConnectionBody, connect)],
  ['publishStream', established(PublishBody, publish, refuseAs(refusedPublication))],
  ['unPublishStream', established(MediaSessionBody, unpublish)],
  ['playStream', established(PlayBody, play, refuseAs(refusedPlay))],
  ['stopStream', established(MediaSessionBody, stopPlaying)],
  ['availableStream', established(NamedStreamBody, isAvailable)],
  ['snapshot', established(NamedStreamBody, snapshot)],
  ['sendStreamEvent', established(StreamEventBody, streamEvent)],
  ['sendData', established(DataBody, data)],
  ['ping', anytime(AnyBody, (client) => client.say('pong', null))],
  ['pong', anytime(AnyBody, () => undefined)],
  ['pushLogs', accepted('pushLogs')],
  ['sessionDebug', accepted('sessionDebug')],
  ['submitBugReport', accepted('submitBugReport')],
  ['webRTCMetricsClientDescription', accepted('webRTCMetricsClientDescription')],
  ['webRTCMetricsBatch', accepted('webRTCMetricsBatch')],
]);

/** A message that is served at any time, with `undefined` for an identity not known yet. */
function anytime<T extends z.ZodType>(
  schema: T,
  handle: (client: Client, body: z.output<T>, identity: Identity | undefined) => void,
  refuse: Refuse = ignore,
): Handler {
  return (client, body) => {
    const result = schema.safeParse(body);
    if (result.success) handle(client, result.data, client.identity);
    else refuse(client, body, INFO.notAdded);
  };
}

/** A message that is served after `connection` only. @param refuse tells a client that waits for an answer. */
function established<T extends z.ZodType>(
  schema: T,
  handle: (client: Client, body: z.output<T>, identity: Identity) => void,
  refuse: Refuse = ignore,
): Handler {
  return anytime(
    schema,
    (client, body, identity) => {
      if (identity === undefined) refuse(client, body, INFO.sessionNotReady);
      else handle(client, body, identity);
    },
    refuse,
  );
}

function accepted(name: string): Handler {
  return (client, body) => client.note('message accepted and not used', { name, body });
}

/** Answers a publish or a play that cannot be served; one without a usable id has no media session to address. */
function refuseAs(event: typeof refusedPublication): Refuse {
  return (client, body, info) => {
    const named = MediaSessionBody.safeParse(body);
    if (named.success) {
      const { mediaSessionId, name } = named.data;
      const refusal = { mediaSessionId, info, ...(typeof name === 'string' ? { name } : {}) };
      client.say('notifyStreamStatusEvent', event(refusal, client.identity));
    } else {
      client.say('fail', { apiMethod: 'StreamStatusEvent', status: 'FAILED', info: INFO.idMissing });
    }
  };
}

function connect(client: Client, body: z.output<typeof ConnectionBody>): void {
  if (client.identity !== undefined) {
    client.note('second connection message ignored');
    return;
  }
  const { sessionId } = client.connect(body);
  const { appKey, mediaProviders, clientVersion, clientOSVersion, clientBrowserVersion, custom } = body;
  client.say('getUserData', {
    appKey,
    useWsTunnel: false,
    useWsTunnelPacketization2: false,
    useBase64BinaryEncoding: false,
    mediaProviders,
    clientVersion,
    clientOSVersion,
    clientBrowserVersion,
    keepAlive: false,
    custom,
    authToken: sessionId,
    status: 'ESTABLISHED',
  });
}

function publish(client: Client, body: z.output<typeof PublishBody>, identity: Identity): void {
  const { mediaSessionId, name, sdp, record, custom, transport } = body;
  const info = client.publications.start({ mediaSessionId, name, sdp, record, custom, transport }, identity);
  if (info === undefined) return;
  client.say('notifyStreamStatusEvent', refusedPublication({ mediaSessionId, name, record, info }, identity));
}

function unpublish(client: Client, { mediaSessionId }: z.output<typeof MediaSessionBody>): void {
  const publication = client.publications.get(mediaSessionId);
  if (publication !== undefined) {
    publication.end(INFO.stoppedByUser);
    return;
  }
  const refusal = { mediaSessionId, info: INFO.notFound };
  client.say('notifyStreamStatusEvent', refusedPublication(refusal, client.identity));
}

/** This server records; it plays nothing, but captures the camera that is to be played. */
function play(
  client: Client,
  { mediaSessionId, name, custom }: z.output<typeof PlayBody>,
  identity: Identity,
): void {
  const answer = (info: string): void =>
    client.say('notifyStreamStatusEvent', refusedPlay({ mediaSessionId, name, info }, client.identity));
  const presented = [custom, identity.custom];
  if (isCamera(name)) void client.plays.begin(mediaSessionId, name, presented).then(answer);
  else answer(client.streams.byName(name) === undefined ? INFO.notFound : INFO.restricted);
}

function stopPlaying(client: Client, { mediaSessionId }: z.output<typeof MediaSessionBody>): void {
  if (client.plays.stop(mediaSessionId)) return;
  const refusal = { mediaSessionId, info: INFO.notFound };
  client.say('notifyStreamStatusEvent', refusedPlay(refusal, client.identity));
}

/** The SDK compares with the text "true". */
function isAvailable(client: Client, { mediaSessionId: id, name }: z.output<typeof NamedStreamBody>): void {
  const stream = client.streams.byName(name);
  if (stream === undefined) {
    client.say('availableStream', { id, status: 'false', info: INFO.notFound });
  } else {
    const isReady = stream.status === 'PUBLISHING';
    client.say('availableStream', { id, status: String(isReady), info: isReady ? null : INFO.notReady });
  }
}

/** The media session may be one that the server has never heard of: the stream is found by its name. */
function snapshot(client: Client, { mediaSessionId, name }: z.output<typeof NamedStreamBody>): void {
  void takePicture(client, name).then(
    (picture) => {
      const payload = { snapshot: picture.toString('base64') };
      client.say('notifyStreamEvent', { mediaSessionId, type: 'snapshotCompleted', payload });
    },
    (err: unknown) => {
      client.note('snapshot failed', { err });
      const info = err instanceof RecorderdError ? err.message : INFO.error;
      client.say('notifyStreamEvent', { mediaSessionId, type: 'snapshotFailed', payload: { info } });
    },
  );
}

async function takePicture(client: Client, name: string): Promise<Buffer> {
  const stream = client.streams.byName(name);
  if (stream === undefined) throw new RecorderdError('STREAM_NOT_FOUND', INFO.notFound);
  if (client.runningSnapshots >= client.maxSnapshots) {
    throw new RecorderdError('LIMIT_REACHED', 'Too many snapshots at the same time');
  }
  client.runningSnapshots++;
  try {
    return await client.snapshots.take(stream);
  } finally {
    client.runningSnapshots--;
  }
}

/** Nobody subscribes here, so nothing is relayed; what is muted shows in the stream object. */
function streamEvent(client: Client, { mediaSessionId, type }: z.output<typeof StreamEventBody>): void {
  const [, kind, change] = /^(audio|video)(Muted|Unmuted)$/.exec(type) ?? [];
  if (kind === undefined) client.note('stream event without subscribers', { type });
  else client.publications.get(mediaSessionId)?.setMuted(kind as 'audio' | 'video', change === 'Muted');
}

/** The SDK's promise settles with the answer; there is no application behind this server that could read the data. */
function data(
  client: Client,
  { operationId, payload }: z.output<typeof DataBody>,
  { appKey }: Identity,
): void {
  const isForRoom = appKey === ROOM_APP || isRoomCommand(payload);
  const outcome = isForRoom
    ? { status: 'FAILED', info: 'Room API is not supported' }
    : { status: 'ACCEPTED', info: null };
  client.say('DataStatusEvent', { operationId, ...outcome });
}

function isRoomCommand(payload: unknown): boolean {
  return (
    typeof payload === 'object' &&
    payload !== null &&
    'command' in payload &&
    ROOM_COMMANDS.includes(payload.command)
  );
}
