import type { Stream } from '../streams/stream.ts';
import type { Recording } from './recording.ts';
import type { RecorderSettings } from './settings.ts';

/** How much more than a fragment FFmpeg needs before it writes one: a frame that begins the next, of each track. */
const BEYOND_FRAGMENT_MS = 100;
/** Pause between two times that media is asked for: about a frame. */
const STEP_MS = 40;

/**
 * Settings of a recording that begins with what is cached of `stream`. FFmpeg writes nothing before it holds a whole
 * fragment: where the cache has less than that, fragments are shorter, so that it need not come first.
 */
export function onDemandSettings(stream: Stream, settings: RecorderSettings): RecorderSettings {
  const { fragmentMs, onDemandFragmentMs } = settings;
  if (stream.cachedUs / 1000 >= fragmentMs + BEYOND_FRAGMENT_MS) return settings;
  return { ...settings, fragmentMs: Math.min(fragmentMs, onDemandFragmentMs) };
}

/**
 * Until a recording that began in mid-stream has had time for its first fragment, media is read and handed to its
 * child as it comes, and not in batches.
 */
export function hurry(stream: Stream, recording: Recording, settings: RecorderSettings): void {
  const fragmentMs = Math.min(settings.fragmentMs, settings.onDemandFragmentMs);
  let steps = Math.ceil((fragmentMs + BEYOND_FRAGMENT_MS) / STEP_MS);
  const step = (): void => {
    stream.wake?.();
    recording.flush();
    steps -= 1;
    if (steps <= 0 || !recording.isActive) clearInterval(timer);
  };
  const timer = setInterval(step, STEP_MS);
  step();
}
