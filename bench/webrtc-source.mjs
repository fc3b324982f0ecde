// The stream every WebRTC publisher sends: 1280x720, 25 fps, 2 Mbit/s of H.264 or VP8, a key frame every 2 s, no
// B-frames, Opus 96 kbit/s stereo in packets of 20 ms, in Matroska. Made once per length and kept.
import { encodeOnce } from './source.mjs';

const VIDEO = {
  h264: [
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-profile:v', 'baseline'],
    ...['-level:v', '3.1', '-bufsize', '1M', '-keyint_min', '50', '-sc_threshold', '0', '-bf', '0'],
  ],
  vp8: ['-c:v', 'libvpx', '-pix_fmt', 'yuv420p', '-deadline', 'realtime', '-cpu-used', '8', '-bufsize', '1M'],
};
const RATE = ['-b:v', '2M', '-minrate', '2M', '-maxrate', '2M', '-g', '50'];
const AUDIO = ['-c:a', 'libopus', '-b:a', '96k', '-vbr', 'off', '-ac', '2', '-frame_duration', '20'];

/** Path of the Matroska file of that many seconds. */
export function webRtcSourceFile(codec, seconds) {
  return encodeOnce(`webrtc-${codec}-${seconds}s.mkv`, [
    // Noise, because a clean test picture does not need 2 Mbit/s and real encoders do not send padding.
    ...['-f', 'lavfi', '-i', `testsrc2=size=1280x720:rate=25:duration=${seconds},noise=alls=12:allf=t`],
    // Never silent: what is silent in a recording has been lost.
    ...['-f', 'lavfi', '-i', `sine=sample_rate=48000:duration=${seconds}`],
    ...VIDEO[codec],
    ...RATE,
    ...AUDIO,
    ...['-f', 'matroska'],
  ]);
}
