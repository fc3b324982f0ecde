/* global document, navigator, performance, setTimeout, setInterval, RTCPeerConnection */
import { Hooks } from './hooks.mjs';
import { Source } from './source.mjs';

/** Statistics are looked at this often, to know what had been sent when the second key frame came. */
const HISTORY_MS = 100;
/** Nothing is sent any more when the counters have stood for so long. */
const STILL_MS = 400;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(look, what, withinMs = 30_000) {
  for (const end = performance.now() + withinMs; performance.now() < end;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    await pause(10);
  }
  throw new Error(`${what}: not seen within ${withinMs} ms`);
}

function loadScript(src) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = src;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${src} did not load`));
    document.head.append(script);
  });
}

/** What a test does with this page. Arguments and results are plain data. */
class Harness {
  #source;
  #hooks;
  #session;
  #sessionStatuses = [];
  #publications = new Map();

  /** `sdk` is the bundle's name; `source` describes the picture, absent = the browser's own devices. */
  async load({ sdk, source }) {
    if (source !== undefined) {
      this.#source = new Source(source);
      await this.#source.start();
    }
    this.#hooks = new Hooks({ source: this.#source, relay: globalThis.relayCandidate });
    if (sdk === undefined) return;
    await loadScript(`/sdk/${sdk}`);
    globalThis.Flashphoner.init({});
  }

  async connect(options) {
    const { SESSION_STATUS } = globalThis.Flashphoner.constants;
    const session = globalThis.Flashphoner.createSession(options);
    this.#session = session;
    this.#sessionStatuses = [];
    for (const status of Object.values(SESSION_STATUS))
      session.on(status, () => this.#sessionStatuses.push(status));
    await until(() => this.#sessionStatuses.includes('ESTABLISHED'), 'session');
    return this.#sessionStatuses;
  }

  sessionStatuses() {
    return this.#sessionStatuses;
  }

  disconnect() {
    this.#session.disconnect();
  }

  /** Resolves when the stream is PUBLISHING or has failed. `options.stream` goes to createStream as it is. */
  async publish(options) {
    const { name } = options.stream;
    const publication = { options, events: [], history: [], streamEvents: [] };
    const display = document.createElement('div');
    document.querySelector('#previews').append(display);
    const stream = this.#session.createStream({ display, ...options.stream });
    publication.stream = stream;
    this.#listen(publication);
    this.#publications.set(name, publication);
    this.#hooks.expect(publication);
    stream.publish();
    await until(() => publication.connection ?? publication.events.length > 0, 'connection');
    publication.watch = setInterval(() => void this.#remember(publication), HISTORY_MS);
    return this.until(name, ['PUBLISHING', 'FAILED', 'UNPUBLISHED']);
  }

  #listen(publication) {
    const { STREAM_STATUS } = globalThis.Flashphoner.constants;
    for (const status of Object.values(STREAM_STATUS)) {
      publication.stream.on(status, (stream) =>
        publication.events.push({
          status,
          info: stream.getInfo() ?? null,
          recordName: stream.getRecordInfo() ?? null,
          mediaSessionId: stream.id(),
        }),
      );
    }
    publication.stream.on(globalThis.Flashphoner.constants.STREAM_EVENT, (event) =>
      publication.streamEvents.push(event),
    );
  }

  async #remember(publication) {
    const { video } = await this.#countersOf(publication.connection);
    if (video !== undefined) publication.history.push([video.keyFramesEncoded, video.framesSent]);
  }

  /** The first event with one of the statuses. */
  async until(name, statuses, withinMs) {
    const { events } = this.#publications.get(name);
    return until(
      () => events.find(({ status }) => statuses.includes(status)),
      `${name} ${statuses}`,
      withinMs,
    );
  }

  events(name) {
    return this.#publications.get(name).events;
  }

  async streamEvent(name, type) {
    const { streamEvents } = this.#publications.get(name);
    return until(() => streamEvents.find((event) => event.type === type), `${name} ${type}`);
  }

  /** Frames sent before the second key frame, as far as the looks at the statistics tell. */
  sentBeforeSecondKeyFrame(name) {
    const { history } = this.#publications.get(name);
    return history.find(([keyFrames]) => keyFrames > 1)?.[1] ?? Infinity;
  }

  /** What has been sent; once the picture is frozen, everything that will be. */
  async counters(name) {
    return this.#countersOf(this.#publications.get(name).connection);
  }

  async untilSent(name, frames) {
    await until(
      // Right after the beginning there are no statistics yet.
      async () => ((await this.counters(name)).video?.framesSent ?? 0) >= frames,
      `${frames} frames of ${name}`,
    );
  }

  async #countersOf(connection) {
    const counters = {};
    for (const report of (await connection.getStats()).values()) {
      if (report.type === 'outbound-rtp') counters[report.kind] = report;
      if (report.type === 'candidate-pair' && report.nominated) counters.pair = report;
    }
    return counters;
  }

  /** Stops picture and sound, and waits until nothing more of them is sent. */
  async freeze(name) {
    this.#source.freeze(true);
    await this.#sender(name, 'audio').replaceTrack(null);
    let [sent, since] = ['', performance.now()];
    await until(async () => {
      const { video, audio } = await this.counters(name);
      const now = `${video.framesSent} ${audio.packetsSent}`;
      if (now !== sent) [sent, since] = [now, performance.now()];
      return performance.now() - since > STILL_MS;
    }, 'nothing sent');
    return this.counters(name);
  }

  thaw() {
    this.#source.freeze(false);
  }

  /** Ends a publication as the page's Stop button does; resolves with its last event. */
  async stop(name) {
    const publication = this.#publications.get(name);
    globalThis.clearInterval(publication.watch);
    publication.stream.stop();
    return this.until(name, ['UNPUBLISHED', 'FAILED']);
  }

  /** Calls a method of the SDK's stream object. */
  async call(name, method, ...args) {
    const result = await this.#publications.get(name).stream[method](...args);
    return typeof result === 'string' || typeof result === 'boolean' ? result : null;
  }

  /** stream.available() of a name: true, or the reason why not. */
  async available(name) {
    const stream = this.#session.createStream({ name, display: document.querySelector('#previews') });
    return stream.available().then(
      () => true,
      (refused) => refused.getInfo() ?? '',
    );
  }

  /** Picture of a stream, as base64, asked for by a stream object that publishes nothing. */
  async snapshot(name) {
    const stream = this.#session.createStream({ name, display: document.querySelector('#previews') });
    const events = [];
    stream.on(globalThis.Flashphoner.constants.STREAM_EVENT, (event) => events.push(event));
    stream.snapshot();
    return until(() => events[0], 'snapshot');
  }

  async sendData(payload) {
    return this.#session.sendData(payload).then(
      () => 'ACCEPTED',
      (error) => String(error),
    );
  }

  #sender(name, kind) {
    const { connection } = this.#publications.get(name);
    return connection.getSenders().find((sender) => sender.track?.kind === kind);
  }

  /** Takes the track off its sender for a while, as a page does that has lost its microphone. */
  async pauseTrack(name, kind, ms) {
    const sender = this.#sender(name, kind);
    const { track } = sender;
    await sender.replaceTrack(null);
    await pause(ms);
    await sender.replaceTrack(track);
  }

  /** Changes how the video is encoded: scaleResolutionDownBy, maxBitrate. */
  async encode(name, encoding) {
    const sender = this.#sender(name, 'video');
    const parameters = sender.getParameters();
    Object.assign(parameters.encodings[0], encoding);
    await sender.setParameters(parameters);
  }

  /** Plays a file in a video element: its size and length, and where it stands after each seek. */
  async play(url, seekTo) {
    const video = document.createElement('video');
    video.muted = true;
    video.src = url;
    document.body.append(video);
    const failed = () => {
      if (video.error !== null) throw new Error(`cannot play ${url}: ${video.error.message}`);
    };
    await until(() => (failed(), video.readyState >= 2), `${url} playable`);
    const { videoWidth, videoHeight, duration } = video;
    const stops = [];
    for (const time of seekTo) {
      video.currentTime = time;
      await until(() => (failed(), !video.seeking && video.readyState >= 2), `${url} at ${time}`);
      await video.play();
      await until(
        () => (failed(), video.currentTime > time + 0.1 || video.ended),
        `${url} going on from ${time}`,
      );
      video.pause();
      stops.push(video.currentTime);
    }
    video.remove();
    return { videoWidth, videoHeight, duration, stops };
  }

  /** A connection without the SDK, for WHIP: the offer as the browser makes it, candidates included. */
  async offer(name, { options = {}, extra = [] }) {
    const publication = { options };
    this.#hooks.expect(publication);
    const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    publication.connection = connection;
    publication.history = [];
    publication.events = [];
    this.#publications.set(name, publication);
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    for (const track of stream.getTracks()) connection.addTransceiver(track, { direction: 'sendonly' });
    if (extra.includes('data')) connection.createDataChannel('extra');
    if (extra.includes('video')) connection.addTransceiver('video', { direction: 'sendonly' });
    await connection.setLocalDescription(await connection.createOffer());
    await until(() => connection.iceGatheringState === 'complete', 'candidates');
    return connection.localDescription.sdp;
  }

  async answer(name, sdp) {
    const { connection } = this.#publications.get(name);
    await connection.setRemoteDescription({ type: 'answer', sdp });
    await until(() => connection.connectionState === 'connected', 'connection');
  }

  close(name) {
    this.#publications.get(name).connection.close();
  }
}

globalThis.harness = new Harness();
