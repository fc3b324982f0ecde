const { EventSource, JSON, setTimeout, clearTimeout } = globalThis;
/** The server tells its state once a second. */
const SILENCE_MS = 6000;
const RETRY_MS = 3000;

/**
 * Listens to the state of the server. A browser connects again by itself after an error of the network, but not after an
 * answer that is no stream of events, nor when a line is silent. @param onConnection gets `live` or `lost`.
 */
export function listen({ onState, onConnection }) {
  let source;
  let timer;
  let connection;
  const become = (next) => {
    if (connection === next) return;
    connection = next;
    onConnection(next);
  };
  const openIn = (ms) => {
    clearTimeout(timer);
    timer = setTimeout(open, ms);
  };
  const lose = () => {
    become('lost');
    openIn(RETRY_MS);
  };
  const open = () => {
    source?.close();
    const opened = (source = new EventSource('rest-api/events'));
    openIn(SILENCE_MS);
    opened.onmessage = ({ data }) => {
      clearTimeout(timer);
      timer = setTimeout(lose, SILENCE_MS);
      become('live');
      onState(JSON.parse(data));
    };
    opened.onerror = lose;
  };
  open();
}
