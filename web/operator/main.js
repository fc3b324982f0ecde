// The operator page (docs/operator-page.md): what the server does now, and what it has recorded.
import { DeleteDialog } from './confirm.js';
import { Details } from './details.js';
import { element, setText } from './dom.js';
import { listen } from './live.js';
import { showOverview } from './overview.js';
import { Player } from './player.js';
import { RecordingList } from './recordings.js';
import { StreamList } from './streams.js';

const { document, JSON } = globalThis;
const CONNECTIONS = { live: ['Live', 'good'], lost: ['Connection lost, trying again …', 'bad'] };

const [player, details] = [new Player(), new Details()];
const confirm = new DeleteDialog(() => recordings.refresh());
const recordings = new RecordingList({
  play: (recording) => void player.open(recording),
  details: (recording) => void details.open(recording),
  remove: (recording) => confirm.open(recording),
});
const streams = new StreamList();
let seen;

for (const close of document.querySelectorAll('dialog .close')) {
  close.addEventListener('click', () => close.closest('dialog').close());
}

listen({
  onState: (state) => {
    showOverview(state);
    streams.update(state);
    const now = markOf(state);
    if (now !== seen) recordings.refresh();
    seen = now;
  },
  onConnection: (connection) => {
    const [text, kind] = CONNECTIONS[connection];
    setText(element('connection'), text);
    element('connection').dataset.kind = kind;
    document.body.dataset.connection = connection;
    // Whatever happened meanwhile is not known.
    if (connection === 'live') seen = undefined;
  },
});

/** Changes whenever finished recordings may have: when a file is finished or deleted, or a hook begins or ends. */
function markOf({ catalogueChanges, finishing, hooks, recordings: running }) {
  const files = running.map(({ recordingId, parts }) => [recordingId, parts]);
  return JSON.stringify([catalogueChanges, finishing, hooks, files]);
}
