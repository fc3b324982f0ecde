import type { ChildExit } from '../process/pipedChild.ts';
import { saysNoSpace } from './noSpace.ts';

/** How the child of a recording can end. */
export const CHILD_ENDS = [
  /** It was asked to, and its file is whole. */
  'finished',
  /** By itself, as if all were well. */
  'ended-early',
  /** The disk had no room. */
  'no-space',
  /** It took no data, or could not be written to, and the server killed it. */
  'hung',
  /** By a signal. */
  'killed',
  /** With another exit code than 0. */
  'failed',
  'not-started',
] as const;

export type ChildEnd = (typeof CHILD_ENDS)[number];

/** Judges the end of a child. @param wasGivenUp the server killed it. */
export function childEnd(
  { code, signal, lastLines }: ChildExit,
  { wasAsked, wasGivenUp }: { readonly wasAsked: boolean; readonly wasGivenUp: boolean },
): ChildEnd {
  if (saysNoSpace(lastLines)) return 'no-space';
  if (wasGivenUp) return 'hung';
  if (signal !== undefined) return 'killed';
  if (code === undefined) return 'not-started';
  if (code !== 0) return 'failed';
  return wasAsked ? 'finished' : 'ended-early';
}
