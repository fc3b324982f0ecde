import type { FileHandle } from 'node:fs/promises';
import type { FileFacts } from '../../domain/media.ts';
import { readTracks } from '../matroskaTracks.ts';
import { ElementFile } from './elementFile.ts';
import { closedDuration } from './finalise.ts';
import { ID } from './ids.ts';
import { findSegment, MAX_TRACKS_BYTES } from './segment.ts';

/** Undefined for a file that was not closed. @throws MatroskaError, RangeError for one that is damaged or none. */
export async function matroskaFacts(handle: FileHandle): Promise<FileFacts | undefined> {
  const file = new ElementFile(handle, (await handle.stat()).size);
  const segment = await findSegment(file);
  const durationMs = await closedDuration(file, segment);
  if (durationMs === undefined) return undefined;
  let found = await file.topElement(segment.body);
  while (found?.end !== undefined && found.id !== ID.cluster && found.id !== ID.tracks)
    found = await file.topElement(found.end);
  const tracks = found?.id === ID.tracks ? readTracks(await file.content(found, MAX_TRACKS_BYTES)) : [];
  const codecOf = (kind: 'video' | 'audio'): string | null => {
    const of = tracks.find((track) => track.kind === kind);
    return of === undefined ? null : (of.track?.codec ?? of.codecName.replace(/^[AV]_/, ''));
  };
  return { durationMs, videoCodec: codecOf('video'), audioCodec: codecOf('audio') };
}
