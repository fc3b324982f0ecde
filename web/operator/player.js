import { element, make, named, setText, show } from './dom.js';
import { fileUrl, pictureUrl, rest } from './rest.js';
import { bytes, clock, codecs, duration, line, time } from './words.js';

const MAX_PARTS = 1000;

/** Plays a recording in the page, one part after another. */
export class Player {
  #dialog = element('player');
  #video = element('video');
  #choice = element('part');
  #parts = [];

  constructor() {
    this.#dialog.addEventListener('close', () => this.#stop());
    this.#choice.addEventListener('change', () => this.#play(this.#choice.selectedIndex));
    this.#video.addEventListener('ended', () => this.#playNext());
    this.#video.addEventListener('error', () => this.#tellProblem());
  }

  async open({ recordingId, streamName }) {
    element('player-title').replaceChildren(named(streamName));
    this.#problem('');
    this.#dialog.showModal();
    try {
      const recording = await rest('/catalogue/recording', { recordingId, limit: MAX_PARTS });
      if (!this.#dialog.open) return;
      this.#parts = recording.parts.filter(({ fileState }) => fileState === 'present');
      const options = this.#parts.map((part) => make('option', {}, optionText(part)));
      this.#choice.replaceChildren(...options);
      show(element('parts'), options.length > 1);
      if (options.length === 0) this.#problem('Its file is not in the folder any more.');
      else this.#play(0);
    } catch (error) {
      this.#problem(error.message);
    }
  }

  #play(index) {
    const part = this.#parts[index];
    this.#choice.selectedIndex = index;
    this.#problem('');
    const facts = [time(part.startedAt), duration(part.durationMs), bytes(part.bytes), codecs(part)];
    setText(element('player-note'), line(...facts));
    element('player-download').setAttribute('href', `${fileUrl(part)}?download`);
    this.#video.classList.toggle('sound', part.videoCodec === null);
    if (part.videoCodec === null) this.#video.poster = pictureUrl(part);
    else this.#video.removeAttribute('poster');
    this.#video.src = fileUrl(part);
    // A browser that does not let it begin by itself leaves that to the person.
    this.#video.play().catch(() => undefined);
  }

  #playNext() {
    const next = this.#choice.selectedIndex + 1;
    if (next < this.#parts.length) this.#play(next);
  }

  #stop() {
    this.#parts = [];
    this.#video.pause();
    this.#video.removeAttribute('src');
    this.#video.load();
  }

  #tellProblem() {
    const part = this.#parts[this.#choice.selectedIndex];
    if (part === undefined) return;
    const what = `${part.container} with ${codecs(part)}`;
    this.#problem(`This browser does not play it (${what}), or it cannot be reached. Download it instead.`);
  }

  #problem(text) {
    setText(element('player-problem'), text);
    show(element('player-problem'), text !== '');
  }
}

function optionText({ partIndex, startedAt, durationMs }) {
  return line(`Part ${partIndex.toLocaleString()}`, clock(startedAt), duration(durationMs));
}
