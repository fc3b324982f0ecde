import type { CatalogueFile } from '../domain/catalogue.ts';

/** A thumbnail lies within this, pixels. */
const THUMBNAIL = { width: 320, height: 180 };
/** Most recordings begin with a picture that says little. */
const LOOK_AT = 0.1;
const LOOK_AT_MOST_S = 30;
/** A waveform has about so many columns, and is so high. */
const WAVE = { columns: 320, height: 60, colour: '#5f8fd6' };
/** What of the sound it is measured from. */
const WAVE_RATE_HZ = 8000;
const PEAK = 'lavfi.astats.Overall.Peak_level';

const QUIET = ['-nostdin', '-hide_banner', '-loglevel', 'error', '-threads', '1'];

/**
 * FFmpeg's arguments that write a key frame of a file as JPEG.
 * @param maxPixels bound on width times height of what is decoded.
 */
export function thumbnailArgs(
  { durationMs }: Pick<CatalogueFile, 'durationMs'>,
  path: string,
  target: string,
  maxPixels: number,
): string[] {
  const { width, height } = THUMBNAIL;
  const at = Math.min((durationMs / 1000) * LOOK_AT, LOOK_AT_MOST_S);
  // The key frame before that moment: nothing else is decoded.
  const input = ['-max_pixels', String(maxPixels), '-noaccurate_seek', '-ss', at.toFixed(3), '-i', path];
  const scale = `scale=${width}:${height}:force_original_aspect_ratio=decrease`;
  const encoded = ['-pix_fmt', 'yuvj420p', '-c:v', 'mjpeg', '-q:v', '5', '-threads', '1'];
  const output = ['-f', 'image2pipe', '-y', target];
  return [...QUIET, ...input, '-map', '0:v:0', '-frames:v', '1', '-vf', scale, ...encoded, ...output];
}

/**
 * FFmpeg's arguments that print the peaks of a file's sound. It is measured while it is decoded, so that a long file takes
 * no more memory than a short one.
 */
export function peakArgs({ durationMs }: Pick<CatalogueFile, 'durationMs'>, path: string): string[] {
  const perColumn = Math.max(1, Math.ceil(((durationMs / 1000) * WAVE_RATE_HZ) / WAVE.columns));
  const filters = [
    `aformat=channel_layouts=mono,aresample=${WAVE_RATE_HZ},asetnsamples=n=${perColumn}`,
    `astats=metadata=1:reset=1,ametadata=mode=print:key=${PEAK}:file=-`,
  ];
  return [...QUIET, '-i', path, '-map', '0:a:0', '-af', filters.join(','), '-f', 'null', '-'];
}

/** The waveform as SVG. @param printed what FFmpeg prints for {@link peakArgs}. Undefined when it holds no peaks. */
export function waveform(printed: string): string | undefined {
  // Decibels below full scale; `-inf` is silence.
  const levels = [...printed.matchAll(/Peak_level=(-?[\d.]+|-inf)$/gm)].map(([, level]) => Number(level));
  if (levels.length === 0) return undefined;
  const middle = WAVE.height / 2;
  const bars = levels.map((level, i) => {
    const loudness = Number.isFinite(level) ? Math.min(1, 10 ** (level / 20)) : 0;
    // The root shows what is quiet, too.
    const reach = Math.max(0.5, (middle - 1) * Math.sqrt(loudness)).toFixed(1);
    return `M${i}.5 ${middle}m0-${reach}v${(2 * Number(reach)).toFixed(1)}`;
  });
  const box = `viewBox="0 0 ${levels.length} ${WAVE.height}" preserveAspectRatio="none"`;
  const line = `fill="none" stroke="${WAVE.colour}" stroke-width="1"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="120" ${box}><path ${line} d="${bars.join('')}"/></svg>\n`;
}
