import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { avcConfig, hevcConfig } from '../../src/media/decoderConfig.ts';
import { audioFormat, reorderDepth, videoSize } from '../../src/media/codecConfig.ts';
import { finaliseMatroska } from '../../src/media/matroska/finalise.ts';
import { MatroskaError } from '../../src/media/matroska/matroskaError.ts';
import { Mp4Error } from '../../src/media/mp4/boxes.ts';
import { finaliseMp4 } from '../../src/media/mp4/finalise.ts';
import { frontLoadMp4 } from '../../src/media/mp4/frontLoad.ts';
import { trackSpans } from '../../src/media/mp4/spans.ts';
import { changedAvcC, withoutTrailingZeros } from '../../src/media/nalUnits.ts';

type Refusal = new (...args: never[]) => Error;

/** What a finished file says of itself, without its size. */
interface Facts {
  readonly durationMs: number;
  readonly bytes: number;
}

/** Runs it; undefined where it refused with the error that it has for that. */
async function unlessRefused<T>(refusal: Refusal, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof refusal) return undefined;
    throw error;
  }
}

/** Finishes a file twice: a refusal leaves it as it was, and so does the second time. */
async function finishTwice<F extends Facts>(
  path: string,
  input: Buffer,
  [finalise, refusal]: readonly [(path: string) => Promise<F>, Refusal],
): Promise<F | undefined> {
  await writeFile(path, input);
  const facts = await unlessRefused(refusal, () => finalise(path));
  const finished = await readFile(path);
  if (facts === undefined) {
    if (!finished.equals(input)) throw new Error('refused, and yet changed');
    return undefined;
  }
  if (!Number.isFinite(facts.durationMs) || facts.durationMs < 0)
    throw new Error(`it lasts ${facts.durationMs} ms`);
  if (facts.bytes !== finished.length)
    throw new Error(`${finished.length} bytes, ${facts.bytes} by its own word`);
  const again = await finalise(path);
  if (!(await readFile(path)).equals(finished)) throw new Error('a second run changes it');
  if (again.durationMs !== facts.durationMs) throw new Error('a second run finds another duration');
  return facts;
}

/** Everything that is done to an MP4 whose writer is gone. @param folder for working files. @throws when it does harm. */
export async function tryMp4(input: Buffer, folder: string): Promise<void> {
  const path = join(folder, 'input.mp4');
  await writeFile(path, input);
  for (const seconds of (await trackSpans(path)).values())
    if (!Number.isFinite(seconds) || seconds < 0) throw new Error(`a track of ${seconds} s`);
  const facts = await finishTwice(path, input, [finaliseMp4, Mp4Error]);
  if (facts === undefined) return;
  const counts = async (file: string) =>
    (await finaliseMp4(file)).tracks
      .map(({ kind, samples, bytes }) => [kind, samples, bytes].join(' '))
      .join();
  const before = await counts(path);
  const front = join(folder, 'front.mp4');
  await copyFile(path, front);
  const moved = await unlessRefused(Mp4Error, () => frontLoadMp4(front, join(folder, 'copy.mp4')));
  if (moved !== undefined && (await counts(front)) !== before)
    throw new Error('with its index at its front it holds something else');
}

/** The same for WebM and MKV. */
export async function tryMatroska(input: Buffer, folder: string): Promise<void> {
  await finishTwice(join(folder, 'input.mkv'), input, [finaliseMatroska, MatroskaError]);
}

const VIDEO = ['h264', 'hevc', 'vp8', 'vp9', 'av1'] as const;
const AUDIO = ['aac', 'opus'] as const;

const isCount = (value: number, most: number): boolean =>
  Number.isInteger(value) && value >= 0 && value <= most;

function configOf(make: () => { readonly config: Buffer }): void {
  try {
    make();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
}

/** Everything that reads codec configurations and parameter sets, on the same bytes. @throws when it does harm. */
export function tryCodecs(input: Buffer): void {
  for (const codec of VIDEO) {
    const { width, height } = videoSize(codec, input, input);
    if (!isCount(width, 16_384) || !isCount(height, 16_384)) throw new Error(`${codec}: ${width}x${height}`);
    const depth = reorderDepth(codec, input) ?? 0;
    if (!isCount(depth, 16)) throw new Error(`${codec}: ${depth} frames deep`);
  }
  for (const codec of AUDIO) {
    const format = audioFormat(codec, input);
    if (format === undefined) continue;
    const { sampleRate, channels } = format;
    if (!isCount(sampleRate - 1, 2 ** 24) || !isCount(channels - 1, 255))
      throw new Error(`${codec}: ${sampleRate} Hz, ${channels} channels`);
  }
  const sets = [input];
  configOf(() => avcConfig(sets, sets));
  configOf(() => hevcConfig({ vps: sets, sps: sets, pps: sets }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(input.length);
  changedAvcC(Buffer.alloc(0), Buffer.concat([length, input, length, input]));
  if (withoutTrailingZeros(Buffer.concat([length, input])).length > input.length + 4)
    throw new Error('zeros were added');
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
/** What encoders write: avcC and its SPS, hvcC and its SPS, AudioSpecificConfigs, the others' headers and key frames. */
export const CODEC_SEEDS: readonly Buffer[] = [
  hex('01f4000dffe1001b67f4000d91968150878f8fc044000003000400000300c83c50aa8001000568ce0f1920fff8f800'),
  hex('674d4028f403c0227ef011000003000100000300321f162ea0'),
  hex(
    '01016000000090000000000078f000fcfdf8f800000f03200001001840010c01ffff01600000030090000003000003007895' +
      '9409210001002b420101016000000300900000030000030078a003c0801107cb965654a4c2f0168080000003008000000c84' +
      '22000100064401c073c189',
  ),
  hex('420101016000000300900000030000030078a003c0801107cb965654a4c2f0168080000003008000000c84'),
  ...['1210', '1188', '2b920800', 'eb8a0800', '1780ac4410', '1200050848000041012345678'].map(hex),
  hex('81000c000a0a00000003b4ff700be001'),
  hex('0a0a00000003b4ff73efe4013296141400218820'),
  hex('304a009d012aa0007800000708858588'),
  hex('824983420009f007760638241c184200'),
  hex('4f707573486561640102380180bb0000000000'),
];
