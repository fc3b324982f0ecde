import { expect, test } from 'vitest';
import { ffmpegArgs, partPath } from '../../../src/recorder/ffmpegArgs.ts';
import type { RunPlan } from '../../../src/recorder/ffmpegArgs.ts';
import { AUDIO, VIDEO } from './support.ts';

const PLAN: RunPlan = {
  tracks: [VIDEO, AUDIO],
  input: 'flv',
  probe: true,
  format: { container: 'mp4', audio: 'copy' },
  segmentSeconds: undefined,
  fragmentMs: 500,
  audioSampleRate: 44_100,
  audioBitrate: 96_000,
  audioEffort: 'quality',
  output: '/records/.work/id/000-%06d.mp4',
};

/** Arguments as one text with a blank around each. */
const line = (plan: Partial<RunPlan>): string => ` ${ffmpegArgs({ ...PLAN, ...plan }).join(' ')} `;

test.each<[string, Partial<RunPlan>, string]>([
  ['input and copy', {}, '-fpsprobesize 0 -f flv -i pipe:0 -map 0 -c copy'],
  ['no probing', { probe: false }, '-nofind_stream_info -f flv -i pipe:0 -map 0 -c copy -bsf:v setts=ts=PTS'],
  ['Matroska input', { input: 'matroska' }, '-f matroska -i pipe:0'],
  [
    'MP4 in fragments',
    {},
    '-f mp4 -movflags frag_keyframe+delay_moov+default_base_moof+skip_trailer -frag_duration 500000',
  ],
  ['file flushed by packet', {}, '-flush_packets 1 -y /records/.work/id/000-000000.mp4'],
  ['TS', { format: { container: 'ts', audio: 'copy' } }, '-f mpegts -flush_packets 1'],
  ['Matroska', { format: { container: 'mkv', audio: 'copy' } }, '-f matroska -cluster_time_limit 1000'],
  ['H.264 in WebM', { format: { container: 'webm', audio: 'copy' } }, '-f matroska -cluster_time_limit'],
  [
    'H.264 in WebM, rotated',
    { format: { container: 'webm', audio: 'copy' }, segmentSeconds: 4 },
    '-segment_format matroska',
  ],
  [
    'VP9 in WebM',
    { tracks: [{ ...VIDEO, codec: 'vp9' }], format: { container: 'webm', audio: 'copy' } },
    '-f webm -cluster_time_limit',
  ],
  ['HEVC in MP4', { tracks: [{ ...VIDEO, codec: 'hevc' }] }, '-tag:v hvc1'],
  [
    'mono audio made AAC',
    {
      tracks: [{ ...AUDIO, codec: 'speex', channels: 1 }],
      format: { container: 'mp4', audio: 'aac' },
    },
    '-map 0 -c:v copy -c:a aac -b:a 96000 -ar 44100 -af aresample=async=1 -ac 1',
  ],
  [
    'AAC at little cost',
    {
      tracks: [{ ...AUDIO, codec: 'opus', channels: 1 }],
      format: { container: 'mp4', audio: 'aac' },
      audioEffort: 'economy',
    },
    '-c:v copy -c:a aac -aac_coder fast -b:a 96000',
  ],
  [
    'Opus kept in MP4',
    { tracks: [VIDEO, { ...AUDIO, codec: 'opus' }], input: 'matroska' },
    '-map 0 -c copy -strict experimental',
  ],
  [
    'audio that loses packets',
    { tracks: [VIDEO, { ...AUDIO, codec: 'opus' }], format: { container: 'webm', audio: 'vorbis' } },
    '-c:a libvorbis -q:a 3 -af aresample=async=1:min_hard_comp=0.015 -ac 2',
  ],
  ['rotation', { segmentSeconds: 4 }, '-f segment -segment_time 4 -reset_timestamps 1'],
  [
    'rotated MP4 in fragments',
    { segmentSeconds: 4 },
    'movflags=frag_keyframe+delay_moov+default_base_moof+skip_trailer:frag_duration=500000:flush_packets=1:max_interleave_delta',
  ],
  ['list of finished parts', { segmentSeconds: 4 }, '-segment_list pipe:1 -segment_list_type csv'],
  ['pattern of the parts', { segmentSeconds: 4 }, '-y /records/.work/id/000-%06d.mp4 '],
])('%s', (_, plan, expected) => expect(line(plan)).toContain(` ${expected}`));

test('copied audio and H.264 get no options of their own', () => {
  expect(line({})).not.toMatch(/ -(tag:v|c:a|af|ac|segment_\w+) /);
  expect(line({ tracks: [VIDEO], format: { container: 'mp4', audio: 'aac' } })).not.toContain('-c:a');
});

test('a part has the name that the segment muxer gives it', () => {
  expect(partPath(PLAN, 12)).toBe('/records/.work/id/000-000012.mp4');
});
