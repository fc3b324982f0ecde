import * as z from 'zod';
import { ERROR_STATUS } from '../../domain/errors.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import { INCIDENT_CAUSES } from '../../domain/incident.ts';
import type { IntegrityReport } from '../../domain/integrityReport.ts';
import type { LiveState } from '../../domain/liveState.ts';
import { MEDIA_PROVIDERS } from '../../domain/publisher.ts';
import { STOP_REASONS } from '../../domain/recording.ts';
import type { StreamView } from '../../streams/streamView.ts';
import type { ConnectionView } from '../connectionView.ts';
import type { ErrorBody } from '../errors.ts';

/** What REST answers, for its description; the tests hold real answers against them. Fields may be added. */

const text = z.string();
const nothing = z.null().describe('Always null.');
const count = z.number().int();
const epochMs = z.number().describe('Milliseconds since 1970.');
const parameters = z.record(text, text).describe('Parameters of the client, without secrets.');
const mediaProvider = z.enum(MEDIA_PROVIDERS).describe('Flash is RTMP.');

export const StreamAnswer = z
  .object({
    custom: parameters,
    nodeId: nothing,
    appKey: text,
    sessionId: text,
    mediaSessionId: text.describe('Names the publication in all other calls.'),
    remoteMediaElementId: nothing,
    name: text,
    published: z.boolean(),
    hasVideo: z.boolean(),
    hasAudio: z.boolean(),
    status: z.enum(['PENDING', 'PUBLISHING']),
    sdp: nothing,
    info: nothing,
    record: z.boolean(),
    recordName: text.nullable().describe('Elements that are known at the end stand as written.'),
    width: z.number(),
    height: z.number(),
    bitrate: z.number(),
    quality: z.number(),
    rtmpUrl: nothing,
    streamInfo: z.object({
      custom: z.record(text, text),
      ...{ nodeId: nothing, appKey: nothing, sessionId: nothing },
      ...{ mediaSessionId: text, name: text },
      samplingTime: z.number().nullable().describe('Arrival of the first media, milliseconds since 1970.'),
      recordTimestamp: z.number().nullable().describe('Milliseconds since the recording began.'),
      recordStarted: z.boolean(),
    }),
    mediaProvider,
    audioCodec: text.nullable(),
    videoCodec: text.nullable(),
    ...{ minBitrate: z.number(), maxBitrate: z.number(), history: z.boolean(), gop: z.number() },
    ...{ fps: z.number(), audioBitrate: z.number(), codecImpl: text, cvoExtension: z.boolean() },
    transport: z.enum(['UDP', 'TCP']),
    createDate: epochMs,
    mediaType: z.string(),
    audioState: z.object({ muted: z.boolean() }),
    videoState: z.object({ muted: z.boolean() }),
  })
  .meta({
    id: 'Stream',
    description: 'A live stream, with the fields of WCS.',
  }) satisfies z.ZodType<StreamView>;

export const ConnectionAnswer = z
  .object({
    custom: parameters,
    nodeId: nothing,
    appKey: text,
    sessionId: text,
    sipRegisterRequired: z.boolean(),
    sipLogin: text.describe('The login given to the session.'),
    ...{ sipAuthenticationName: nothing, sipPassword: nothing, sipVisibleName: nothing, sipDomain: nothing },
    ...{ sipOutboundProxy: nothing, sipPort: z.number(), sipContactParams: nothing },
    ...{ width: z.number(), height: z.number(), supportedResolutions: text },
    ...{ useProxy: z.boolean(), useDTLS: z.boolean(), useWsTunnel: z.boolean() },
    mediaProviders: z.array(text).readonly(),
    clientVersion: text.nullable(),
    createDate: epochMs,
  })
  .meta({
    id: 'Connection',
    description: 'A signalling session of a client.',
  }) satisfies z.ZodType<ConnectionView>;

export const SnapshotAnswer = z
  .object({ data: text.describe('A PNG in BASE64.') })
  .meta({ id: 'Snapshot', description: 'A picture of a stream.' });

export const RecordingAnswer = z
  .object({ fileName: text, mediaSessionId: text })
  .meta({ id: 'Recording', description: 'A running recording.' });

export const HookRunAnswer = z
  .object({
    id: text,
    state: z.enum(['waiting', 'running', 'retrying', 'parked']),
    ...{ streamName: text, mediaSessionId: text, recordingId: text, fileName: text, partIndex: count },
    tries: count.describe('Tries that went wrong so far.'),
    exitCode: count.nullable(),
    signal: text.nullable(),
    reason: text.nullable().describe('How the last try went wrong.'),
    output: text.nullable().describe('The end of what it printed.'),
    lastTry: epochMs.nullable(),
    nextTry: epochMs.nullable(),
  })
  .meta({ id: 'HookRun', description: 'A run of the record hook that has not ended well.' });

export const CaptureAnswer = z
  .object({
    uri: text.describe('Without user and password.'),
    status: z.enum(['PENDING', 'PLAYING', 'RECONNECTING', 'FAILED']),
    ...{ toStream: text, localStreamName: text, mediaSessionId: text },
    info: text.nullable().describe('Why the source does not play.'),
  })
  .meta({ id: 'Camera', description: 'A camera that is pulled.' });

export const PullAnswer = z
  .object({
    uri: text.describe('Without user and password.'),
    ...{ localMediaSessionId: text, remoteStreamName: text, localStreamName: text },
    status: z.enum(['PENDING', 'PLAYING', 'RECONNECTING', 'FAILED']),
    info: text.nullable().describe('Why the source does not play.'),
  })
  .meta({ id: 'Pull', description: 'A stream of another RTMP server that is pulled.' });

const known = z.number().nullable();

export const ReportAnswer = z
  .object({
    version: z.literal(1),
    ...{ recordingId: text, partIndex: count, last: z.boolean(), streamName: text, mediaSessionId: text },
    ...{ fileName: text, container: text, bytes: count, startedAt: epochMs, endedAt: epochMs },
    durationMs: z.number(),
    stopReason: z.enum(STOP_REASONS),
    tracks: z
      .array(
        z.object({
          id: known,
          kind: z.enum(['video', 'audio']),
          codec: text,
          transcoded: z.boolean().nullable(),
          ...{ packetsIn: known, bytesIn: known, packetsInFile: known, bytesInFile: known },
          ...{ firstPtsMs: known, lastPtsMs: known },
        }),
      )
      .readonly(),
    incidents: z
      .array(
        z.object({
          cause: z.enum(INCIDENT_CAUSES),
          ...{ from: epochMs, to: epochMs },
          lostMs: known.describe('Media that the file lacks; null when nobody can know.'),
          trackId: z.number().exactOptional(),
          detail: text.exactOptional(),
        }),
      )
      .readonly(),
    incidentsLeftOut: count,
    driftPpm: known,
    ffmpeg: z.object({
      ...{ version: text.nullable(), exitCode: known, signal: text.nullable() },
      lastLines: z.array(text).readonly().exactOptional(),
    }),
    sha256: text.nullable().describe('Null until it is known.'),
  })
  .meta({
    id: 'IntegrityReport',
    description: 'What is in a finished file.',
  }) satisfies z.ZodType<IntegrityReport>;

export const LiveStateAnswer = z
  .object({
    at: epochMs,
    streams: z
      .array(
        z.object({
          ...{ name: text, mediaSessionId: text, mediaProvider, status: text },
          ...{
            videoCodec: text.nullable(),
            audioCodec: text.nullable(),
            width: z.number(),
            height: z.number(),
          },
          ...{ createdAt: epochMs, bytes: z.number(), samples: z.number() },
          ...{ packets: known, packetsLost: known, driftPpm: known },
        }),
      )
      .readonly(),
    streamsTotal: count,
    recordings: z
      .array(
        z.object({
          ...{ recordingId: text, mediaSessionId: text, streamName: text, fileName: text },
          ...{ startedAt: epochMs, elapsedMs: z.number(), bytes: z.number(), parts: count },
          lastWriteAgeMs: known,
        }),
      )
      .readonly(),
    recordingsTotal: count,
    ...{ finishing: count, waiting: count },
    disk: z.object({ state: z.enum(['ok', 'low', 'full']), freeBytes: known, totalBytes: known }),
    hooks: z.object({ owed: count, running: count, parked: count }),
    catalogueChanges: count,
  })
  .meta({ id: 'LiveState', description: 'What goes on in the server.' }) satisfies z.ZodType<LiveState>;

export const HealthAnswer = z.object({ status: z.literal('ok') }).meta({ id: 'Health' });

export const ReadyAnswer = z
  .object({
    status: z.enum(['ok', 'unavailable']),
    checks: z.array(z.object({ name: text, ok: z.boolean(), reason: text.optional() })),
  })
  .meta({ id: 'Readiness' });

export const StatAnswer = z
  .record(text, z.record(text, z.union([z.number(), text])))
  .meta({ id: 'Statistics', description: 'Figures by group and key.' });

export const ErrorAnswer = z
  .object({
    ...{ exception: text, reason: text, path: text, error: text, message: text },
    timestamp: epochMs,
    status: count,
    code: z
      .enum(Object.keys(ERROR_STATUS) as [ErrorCode, ...ErrorCode[]])
      .describe('Never changes its meaning.'),
  })
  .meta({ id: 'Error', description: 'Why a request failed.' }) satisfies z.ZodType<ErrorBody>;
