const { clearInterval, document, location, setInterval } = globalThis;

/** One stream on the page: its preview, its state, and the recording in the end. */
export class StreamCard {
  #root;
  #startedAt = 0;
  #clock;

  /** @param {string} name stream name; @param {Element} list where the card is put. */
  constructor(name, list) {
    this.#root = document.getElementById('card').content.firstElementChild.cloneNode(true);
    this.#part('.name').textContent = name;
    list.append(this.#root);
    this.#setState('connecting', 'busy');
  }

  /** Where the SDK shows the camera. */
  get display() {
    return this.#part('.preview');
  }

  publishing() {
    this.#startedAt = Date.now();
    const show = () => this.#setState(`recording ${elapsed(Date.now() - this.#startedAt)}`, 'good');
    show();
    this.#clock = setInterval(show, 1000);
  }

  stopping() {
    clearInterval(this.#clock);
    this.#setState('finishing the file', 'busy');
  }

  /** @param {string | null} fileName name of the recording, when there is one; @param {string} problem empty if none. */
  ended(fileName, problem) {
    clearInterval(this.#clock);
    this.#part('.preview').hidden = true;
    this.#setState(problem === '' ? 'ended' : 'failed', problem === '' ? 'idle' : 'bad');
    if (fileName) this.#showRecording(fileName);
    const message = problem || (fileName ? '' : 'The server did not record this stream.');
    this.#part('.message').textContent = message;
    this.#part('.message').hidden = message === '';
  }

  #showRecording(fileName) {
    const url = `${location.origin}/client/records/${encodeURIComponent(fileName)}`;
    this.#part('.recording video').src = url;
    this.#part('.fileName').textContent = fileName;
    const link = this.#part('.download');
    link.href = `${url}?download`;
    link.setAttribute('aria-label', `Download ${fileName}`);
    this.#part('.recording').hidden = false;
  }

  #setState(text, kind) {
    const state = this.#part('.state');
    state.textContent = text;
    state.dataset.kind = kind;
  }

  #part(selector) {
    return this.#root.querySelector(selector);
  }
}

function elapsed(ms) {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
