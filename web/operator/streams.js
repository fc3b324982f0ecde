import { element, isBusy, KeyedList, make, named, setBusy, setText, show } from './dom.js';
import { attempt, tell } from './notices.js';
import { rest } from './rest.js';
import { Rate, Sparkline } from './sparkline.js';
import { age, bitrate, bytes, codecs, count, duration, line, protocol } from './words.js';

const LATE_WRITE_S = 5;
/** Lost packets above this share are worth a look. */
const MUCH_LOSS = 0.01;

/** Live streams, and what is recorded of them. */
export class StreamList {
  #list = new KeyedList(element('streams'), {
    key: ({ key }) => key,
    create: (item) => new StreamRow(item),
    refuge: element('live-title'),
  });

  update(state) {
    const items = itemsOf(state);
    this.#list.update(items);
    show(element('no-streams'), items.length === 0);
    const more = state.streamsTotal - state.streams.length;
    show(element('more-streams'), more > 0);
    setText(element('more-streams'), `${count(more, 'more stream is', 'more streams are')} not shown.`);
  }
}

/** Streams with their recordings, then recordings whose publisher is away. */
function itemsOf({ at, streams, recordings }) {
  const recorded = new Map(recordings.map((recording) => [recording.mediaSessionId, recording]));
  const live = streams.map((stream) => {
    const recording = recorded.get(stream.mediaSessionId);
    recorded.delete(stream.mediaSessionId);
    return { key: stream.mediaSessionId, name: stream.name, at, stream, recording };
  });
  const away = [...recorded.values()].map((recording) => ({
    ...{ key: recording.mediaSessionId, name: recording.streamName, at, recording },
  }));
  return [...live, ...away];
}

class StreamRow {
  #key;
  #name;
  #isRecorded = false;
  /** REST has answered, the state does not tell of it yet. */
  #isSettling = false;
  #rate = new Rate();
  #sparkline = new Sparkline();
  #meta = make('p', { className: 'meta' });
  #bitrate = make('span', { className: 'number' });
  #age = make('dd', {});
  #loss = make('dd', {});
  #recording = make('p', {});
  #note = make('p', { className: 'quiet' });
  #state = make('div', { className: 'state' }, this.#recording, this.#note);
  #button = make('button', { type: 'button', className: 'record' });

  constructor({ key, name }) {
    this.#key = key;
    this.#name = name;
    this.#button.addEventListener('click', () => void this.#press());
    const figures = make(
      'dl',
      { className: 'figures' },
      make('div', {}, make('dt', {}, 'Age'), this.#age),
      make('div', {}, make('dt', {}, 'Loss'), this.#loss),
    );
    this.element = make(
      'li',
      { className: 'stream' },
      make('div', { className: 'what' }, make('h3', {}, named(name)), this.#meta),
      make('div', { className: 'rate' }, this.#sparkline.element, this.#bitrate),
      figures,
      this.#state,
      this.#button,
    );
  }

  update({ at, stream, recording }) {
    if (stream === undefined) setText(this.#meta, 'The publisher is away.');
    else this.#showStream(at, stream);
    this.#showRecording(recording);
    this.#isRecorded = recording !== undefined;
    if (this.#isSettling) {
      this.#isSettling = false;
      setBusy(this.#button, false);
    }
    if (isBusy(this.#button)) return;
    setText(this.#button, this.#isRecorded ? 'Stop' : 'Record');
    this.#button.dataset.kind = this.#isRecorded ? 'stop' : 'start';
    const label = this.#isRecorded ? `Stop recording ${this.#name}` : `Record ${this.#name}`;
    if (this.#button.ariaLabel !== label) this.#button.ariaLabel = label;
  }

  #showStream(at, stream) {
    const { mediaProvider, status, width, height, createdAt, packets, packetsLost } = stream;
    const size = width > 0 ? `${width} × ${height}` : '';
    const pending = status === 'PENDING' ? 'waiting for media' : '';
    setText(this.#meta, line(protocol(mediaProvider), codecs(stream), size, pending));
    this.#rate.add(at, stream.bytes);
    this.#sparkline.draw(this.#rate.rates);
    setText(this.#bitrate, this.#rate.now === undefined ? '–' : bitrate(this.#rate.now));
    setText(this.#age, age(at - createdAt));
    const lost = packetsLost === null ? undefined : packetsLost / Math.max(1, packets + packetsLost);
    setText(this.#loss, lost === undefined ? '–' : `${(lost * 100).toFixed(lost < 0.1 ? 2 : 1)} %`);
    this.#loss.className = lost > MUCH_LOSS ? 'bad' : '';
  }

  #showRecording(recording) {
    if (recording === undefined) {
      this.#tellState('off', 'Not recorded', '');
      return;
    }
    const { elapsedMs, parts, lastWriteAgeMs } = recording;
    const seconds = Math.floor((lastWriteAgeMs ?? 0) / 1000);
    const written = lastWriteAgeMs === null ? 'nothing written yet' : `written ${seconds || '< 1'} s ago`;
    const finished = parts > 0 ? count(parts, 'part') : '';
    this.#tellState(
      seconds > LATE_WRITE_S ? 'late' : 'on',
      line(duration(elapsedMs), bytes(recording.bytes)),
      line(finished, written),
    );
  }

  #tellState(kind, text, note) {
    this.#state.dataset.kind = kind;
    setText(this.#recording, text);
    setText(this.#note, note);
  }

  async #press() {
    if (isBusy(this.#button)) return;
    const [name, mediaSessionId, isStop] = [this.#name, this.#key, this.#isRecorded];
    setBusy(this.#button, true);
    setText(this.#button, isStop ? 'Stopping …' : 'Starting …');
    const isDone = await attempt(isStop ? `${name} cannot be stopped` : `${name} cannot be recorded`, () =>
      rest(isStop ? '/recorder/terminate' : '/recorder/startup', { mediaSessionId }),
    );
    if (isDone) tell('good', isStop ? `The recording of ${name} is finished.` : `${name} is being recorded.`);
    this.#isSettling = true;
  }
}
