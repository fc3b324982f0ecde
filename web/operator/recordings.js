import { element, KeyedList, setText, show } from './dom.js';
import { RecordingRow } from './recordingRow.js';
import { restList } from './rest.js';
import { tell } from './notices.js';

const { clearTimeout, document, JSON, performance, setTimeout } = globalThis;
const PAGE = 20;
/** Typing ends before a search begins. */
const TYPING_MS = 300;
/** A busy server changes all the time: the list follows this often at most, and takes a small part of its time. */
const REFRESH_MS = 2000;
const PART_OF_TIME = 0.05;
const NONE = { total: 0, offset: 0, recordings: [] };
const INPUTS = ['name', 'from', 'to', 'show', 'sort'];

/** Finished recordings: a page of those that fit the search, by the server's order. */
export class RecordingList {
  #list;
  #offset = 0;
  #asked = 0;
  #timer;
  #notBefore = 0;

  /** @param actions as of {@link RecordingRow}. */
  constructor(actions) {
    this.#list = new KeyedList(element('recordings'), {
      key: ({ recordingId }) => recordingId,
      create: (recording) => new RecordingRow(recording, actions),
      refuge: element('finished-title'),
    });
    element('search').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#search(0);
    });
    for (const id of INPUTS) element(id).addEventListener('input', () => this.#search(TYPING_MS));
    document.addEventListener('visibilitychange', () => this.refresh());
    element('previous').addEventListener('click', () => this.#turn(-PAGE));
    element('next').addEventListener('click', () => this.#turn(PAGE));
  }

  /** Asks the server soon, and not too often; while nobody sees the page, not at all. */
  refresh() {
    if (document.hidden) return;
    this.#timer ??= setTimeout(() => void this.#load(), Math.max(0, this.#notBefore - performance.now()));
  }

  #search(delayMs) {
    this.#offset = 0;
    this.#loadIn(delayMs);
  }

  #turn(by) {
    this.#offset = Math.max(0, this.#offset + by);
    this.#loadIn(0);
  }

  #loadIn(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#load(), ms);
  }

  async #load() {
    this.#timer = undefined;
    const from = performance.now();
    const asked = ++this.#asked;
    try {
      const query = { ...filter(), offset: this.#offset, limit: PAGE };
      const page = await restList('/catalogue/find', query, NONE);
      const now = performance.now();
      this.#notBefore = now + Math.max(REFRESH_MS, (now - from) / PART_OF_TIME);
      // Another search has begun meanwhile.
      if (asked === this.#asked) this.#show(page);
    } catch (error) {
      if (asked === this.#asked) tell('bad', `The recordings cannot be listed: ${error.message}`);
    }
  }

  #show({ total, recordings }) {
    // The last of a page was deleted.
    if (recordings.length === 0 && total > 0) {
      this.#offset = Math.floor((total - 1) / PAGE) * PAGE;
      this.#loadIn(0);
      return;
    }
    this.#list.update(recordings);
    const first = this.#offset + 1;
    const isSearch = Object.keys(filter()).length > 2;
    show(element('no-recordings'), total === 0);
    setText(
      element('no-recordings'),
      isSearch ? 'No recording fits this search.' : 'Nothing has been recorded so far.',
    );
    show(element('pager'), total > 0);
    const [start, end] = [first.toLocaleString(), (this.#offset + recordings.length).toLocaleString()];
    setText(element('range'), `${start} – ${end} of ${total.toLocaleString()}`);
    enable(element('previous'), this.#offset > 0, element('next'));
    enable(element('next'), this.#offset + recordings.length < total, element('previous'));
  }
}

/** The first and the last page have nothing before and behind them; the focus goes on to the other button. */
function enable(button, isEnabled, other) {
  const hadFocus = document.activeElement === button;
  button.disabled = !isEnabled;
  if (!isEnabled && hadFocus) other.focus();
}

/** What the form asks for; absent fields match everything. */
function filter() {
  const [sort, order] = element('sort').value.split(' ');
  const name = element('name').value.trim();
  return {
    ...{ sort, order },
    ...(name !== '' && { streamName: name }),
    ...timeOf('from'),
    ...timeOf('to'),
    ...JSON.parse(element('show').value),
  };
}

function timeOf(id) {
  const ms = new Date(element(id).value).getTime();
  return Number.isNaN(ms) ? {} : { [id]: ms };
}
