/* global AudioContext, OffscreenCanvas, MediaStream, MediaStreamTrackGenerator, VideoFrame, performance, setTimeout */

/** A flash lasts so long, counted from its first frame. */
const FLASH_MS = 120;
const BEEP_S = 0.1;
/** A beep is put on the audio clock this long before it sounds, and moved on it until shortly before. */
const AHEAD_MS = 400;
const SETTLED_S = 0.06;
/** Newest comparisons of the two clocks whose median counts: the audio clock moves in steps. */
const CLOCK_SAMPLES = 9;

/**
 * A picture that flashes white and a sound that beeps at the same instant, once a second. Tracks made of it can be
 * stopped and made anew while the source goes on, as microphones and cameras are switched.
 *
 * As from a camera, a picture arrives one frame after its light. That is about what the browser takes for the sound:
 * by its own sender reports a sound happens 35 to 45 ms after it is due (it collects 10 ms, then a
 * packet of 20 ms, and Opus looks ahead 6.5 ms), while a picture happens when it arrives.
 */
export class Source {
  #options;
  #canvas;
  #pen;
  #noise;
  #audio = new AudioContext({ sampleRate: 48_000, latencyHint: 'interactive' });
  #beeps;
  #writers = new Set();
  #startMs = 0;
  #frame = 0;
  #nextBeep = 0;
  #isFrozen = false;
  #seed = 1;

  constructor(options) {
    this.#options = { width: 640, height: 360, fps: 25, detail: 0.2, flashes: true, ...options };
    this.#canvas = new OffscreenCanvas(this.#options.width, this.#options.height);
    this.#pen = this.#canvas.getContext('2d', { alpha: false, willReadFrequently: true });
    this.#noise = makeNoise(this.#options.width, this.#options.height, () => this.#random());
    this.#beeps = this.#audio.createGain();
    this.#beeps.gain.value = 0;
    const tone = this.#audio.createOscillator();
    tone.frequency.value = 1000;
    tone.connect(this.#beeps);
    tone.start();
  }

  async start() {
    await this.#audio.resume();
    for (let n = 0; n < CLOCK_SAMPLES; n += 1) {
      this.#compareClocks();
      await new Promise((resolve) => setTimeout(resolve, 7));
    }
    this.#startMs = performance.now() + AHEAD_MS;
    this.#tick();
  }

  /** While it is frozen, no picture is sent; the sound goes on. */
  freeze(isFrozen) {
    this.#isFrozen = isFrozen;
  }

  /** A stream of new tracks, as getUserMedia would give. */
  stream(constraints) {
    const tracks = [];
    if (constraints.audio) {
      const destination = this.#audio.createMediaStreamDestination();
      this.#beeps.connect(destination);
      tracks.push(destination.stream.getAudioTracks()[0]);
    }
    if (constraints.video) {
      const track = new MediaStreamTrackGenerator({ kind: 'video' });
      this.#writers.add({ track, writer: track.writable.getWriter(), isBusy: false });
      tracks.push(track);
    }
    return new MediaStream(tracks);
  }

  #random() {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#seed / 2 ** 32;
  }

  /** Seconds that the audio clock was ahead of the page's, newest last. */
  #distances = [];

  #compareClocks() {
    this.#distances.push(this.#audio.currentTime - performance.now() / 1000);
    if (this.#distances.length > CLOCK_SAMPLES) this.#distances.shift();
  }

  get #aheadOfPageClock() {
    return this.#distances.toSorted((a, b) => a - b)[Math.floor(this.#distances.length / 2)];
  }

  #tick() {
    const { fps } = this.#options;
    const dueMs = this.#startMs + (this.#frame * 1000) / fps;
    this.#compareClocks();
    this.#scheduleBeep(dueMs);
    setTimeout(
      () => {
        this.#send(dueMs);
        this.#frame += 1;
        // A page that was held up goes on with the present frame.
        const present = Math.floor(((performance.now() - this.#startMs) * fps) / 1000);
        this.#frame = Math.max(this.#frame, present);
        this.#tick();
      },
      Math.max(0, dueMs - performance.now()),
    );
  }

  /**
   * Where a beep lies on the audio clock is known for sure only when it sounds: that clock falls behind whenever the
   * browser has no time to make sound, e.g. while it sets up a connection.
   */
  #scheduleBeep(nowMs) {
    const dueMs = this.#startMs + this.#nextBeep * 1000 - 1000 / this.#options.fps;
    if (dueMs > nowMs + AHEAD_MS) return;
    const at = dueMs / 1000 + this.#aheadOfPageClock;
    const now = this.#audio.currentTime;
    if (at > now) {
      this.#beeps.gain.cancelScheduledValues(now);
      this.#beeps.gain.setValueAtTime(0.7, at);
      this.#beeps.gain.setValueAtTime(0, at + BEEP_S);
    }
    if (at < now + SETTLED_S) this.#nextBeep += 1;
  }

  #send(dueMs) {
    if (this.#isFrozen) return;
    this.#draw(dueMs);
    // Due, not now: a page that is held up still shows its flash when the beep sounds.
    const frame = new VideoFrame(this.#canvas, {
      timestamp: Math.round(dueMs * 1000),
      alpha: 'discard',
    });
    for (const sink of this.#writers) this.#write(sink, frame);
    frame.close();
  }

  #write(sink, frame) {
    if (sink.track.readyState === 'ended') {
      this.#writers.delete(sink);
      return;
    }
    if (sink.isBusy) return;
    sink.isBusy = true;
    sink.writer.write(frame.clone()).then(
      () => (sink.isBusy = false),
      () => this.#writers.delete(sink),
    );
  }

  #draw(dueMs) {
    const { width, height, detail, flashes } = this.#options;
    const pen = this.#pen;
    if (flashes && (dueMs - this.#startMs) % 1000 < FLASH_MS) {
      pen.fillStyle = '#fff';
      pen.fillRect(0, 0, width, height);
      return;
    }
    pen.fillStyle = '#234';
    pen.fillRect(0, 0, width, height);
    const rows = Math.round(height * detail);
    if (rows > 0) {
      const [x, y] = [this.#random() * width, this.#random() * height];
      pen.drawImage(this.#noise, x, y, width, rows, 0, height - rows, width, rows);
    }
    pen.fillStyle = '#a63';
    pen.fillRect((this.#frame * 7) % width, (this.#frame * 3) % height, width / 8, height / 8);
  }
}

/** Dark noise of twice the size, so that any window into it differs from the last. */
function makeNoise(width, height, random) {
  const canvas = new OffscreenCanvas(width * 2, height * 2);
  const pen = canvas.getContext('2d', { alpha: false });
  const image = pen.createImageData(width * 2, height * 2);
  for (let at = 0; at < image.data.length; at += 4) {
    const value = Math.floor(random() * 110);
    image.data.fill(value, at, at + 3);
    image.data[at + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
  return canvas;
}
