import type { Sample, Track } from '../domain/media.ts';
import type { TrackEnds } from '../media/mp4/scan.ts';
import { trackSpans } from '../media/mp4/spans.ts';
import type { RunPlan } from './ffmpegArgs.ts';
import { partPath } from './ffmpegArgs.ts';
import { indexOf } from './fragmentIndexes.ts';
import type { UnsettledSamples } from './unsettled.ts';

/** What a dead child leaves to another one. */
export interface Salvage {
  /** Media to be given again, from the beginning of a group of pictures on. */
  readonly samples: readonly Sample[];
  /** Those of them that the file lacks as it is; undefined where it does not tell. */
  readonly absent: readonly Sample[] | undefined;
  /** Where the dead child's file ends, so that none of them is in two files; undefined where it cannot be cut. */
  readonly ends: TrackEnds | undefined;
}

/** Rounding of times in the container, seconds. */
const COPIED_SLACK_S = 0.002;
/** An encoder's delay and one of its frames, seconds. */
const ENCODED_SLACK_S = 0.06;

/**
 * Finds out what of a dead child's media is not in its file. Only a single MP4 tells; of others, everything that may
 * be missing is given again, and the end of the one file is the beginning of the next.
 * @param firstDts decode time of each track's first sample, µs.
 */
export async function salvage(
  plan: RunPlan,
  unsettled: UnsettledSamples,
  firstDts: ReadonlyMap<number, number>,
): Promise<Salvage> {
  const isSingleMp4 = plan.format.container === 'mp4' && plan.segmentSeconds === undefined;
  if (!isSingleMp4) return untold(unsettled);
  const spans = await trackSpans(partPath(plan, 0), indexOf(partPath(plan, 0)));
  const kinds = new Map(plan.tracks.map((track) => [track.id, track.kind]));
  const slackOf = (kind: Track['kind']): number =>
    kind === 'video' || plan.format.audio === 'copy' ? COPIED_SLACK_S : ENCODED_SLACK_S;
  const sinceFirst = ({ trackId, dts }: Sample): number => (dts - (firstDts.get(trackId) ?? dts)) / 1e6;
  const isOnDisk = (sample: Sample): boolean => {
    const kind = kinds.get(sample.trackId) ?? 'video';
    return sinceFirst(sample) < (spans.get(kind) ?? 0) - slackOf(kind);
  };
  const samples = unsettled.missing(isOnDisk);
  const endOf = (kind: Track['kind']): number | undefined => {
    const first = samples.find(({ trackId }) => kinds.get(trackId) === kind);
    if (first === undefined) return undefined;
    const isCopied = slackOf(kind) === COPIED_SLACK_S;
    return sinceFirst(first) + (isCopied ? -COPIED_SLACK_S : ENCODED_SLACK_S / 2);
  };
  const absent = samples.filter((sample) => !isOnDisk(sample));
  return { samples, absent, ends: { video: endOf('video'), audio: endOf('audio') } };
}

/** What there is to save where nobody knows what is in the file. */
export function untold(unsettled: UnsettledSamples): Salvage {
  return { samples: unsettled.missing(() => false), absent: undefined, ends: undefined };
}
