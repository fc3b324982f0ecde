import { StreamCard } from './streamCard.js';
import { connectionProblem, insecurePageProblem, mediaProblem, streamProblem } from './words.js';

const { document, fetch, location, navigator } = globalThis;
const element = (id) => document.getElementById(id);
const SDK_URL = '../../../../flashphoner.js';
const CONFIG_URL = '../../../../config.json';
const CAMERA = { audio: true, video: { width: 640, height: 480 } };

/** Streams that have not ended yet. */
const running = new Set();

await prepare();

async function prepare() {
  element('form').addEventListener('submit', (event) => {
    event.preventDefault();
    if (running.size > 0) stop();
    else start().catch((error) => giveUp(String(error.message)));
  });
  element('streamName').value = randomName();
  element('url').value = await signallingUrl();
  const problem = insecurePageProblem() ?? (await sdkProblem());
  if (problem === undefined) return;
  element('publishBtn').disabled = true;
  tell('Not possible here', 'bad', problem);
}

async function start() {
  if (!isComplete()) return;
  setForm('starting');
  element('streams').replaceChildren();
  const url = element('url').value.trim();
  const name = element('streamName').value.trim();
  const count = Number(element('countStreams').value);
  tell('Waiting for the camera', 'busy');
  const media = await navigator.mediaDevices.getUserMedia(CAMERA).catch((error) => mediaProblem(error));
  if (typeof media === 'string') return giveUp(media);
  tell('Connecting', 'busy');
  const session = await connect(url).catch(() => undefined);
  if (session === undefined) {
    media.getTracks().forEach((track) => track.stop());
    return giveUp(connectionProblem(url));
  }
  for (let i = 1; i <= count; i++) {
    // The SDK stops the tracks of a stream that ends, so each has tracks of its own.
    publish(session, { name: count === 1 ? name : `${name}-${i}`, media: i === 1 ? media : media.clone() });
  }
  setForm('running');
}

function publish(session, { name, media }) {
  const { STREAM_STATUS } = globalThis.Flashphoner.constants;
  const card = new StreamCard(name, element('streams'));
  const stream = session.createStream({
    name,
    display: card.display,
    record: true,
    receiveVideo: false,
    receiveAudio: false,
    constraints: { customStream: media },
  });
  const item = { stream, card };
  const end = (problem) => {
    if (!running.delete(item)) return;
    media.getTracks().forEach((track) => track.stop());
    card.ended(stream.getRecordInfo(), problem);
    refresh(problem);
  };
  running.add(item);
  stream
    .on(STREAM_STATUS.PUBLISHING, () => {
      card.publishing();
      tell('Publishing and recording', 'good');
    })
    .on(STREAM_STATUS.UNPUBLISHED, () => end(''))
    .on(STREAM_STATUS.FAILED, () => end(streamProblem(stream.getErrorInfo() ?? stream.getInfo() ?? '')));
  stream.publish();
}

function stop() {
  setForm('starting');
  tell('Finishing the recording', 'busy');
  for (const { stream, card } of running) {
    card.stopping();
    stream.stop();
  }
}

/** Resolves with an established session; the one of the last time when it still stands. */
function connect(urlServer) {
  const { SESSION_STATUS } = globalThis.Flashphoner.constants;
  const [last] = globalThis.Flashphoner.getSessions();
  if (last?.getServerUrl() === urlServer && last.status() === SESSION_STATUS.ESTABLISHED) {
    return Promise.resolve(last);
  }
  if (last?.status() === SESSION_STATUS.ESTABLISHED) last.disconnect();
  return new Promise((resolve, reject) => {
    globalThis.Flashphoner.createSession({ urlServer })
      .on(SESSION_STATUS.ESTABLISHED, resolve)
      .on(SESSION_STATUS.DISCONNECTED, reject)
      .on(SESSION_STATUS.FAILED, reject);
  });
}

function refresh(problem) {
  if (running.size > 0) return;
  setForm('idle');
  if (problem === '') tell('Done', 'good');
  else tell('Failed', 'bad');
}

function giveUp(problem) {
  setForm('idle');
  tell('Failed', 'bad', problem);
}

function tell(status, kind, info = '') {
  element('status').textContent = status;
  element('status').dataset.kind = kind;
  element('info').textContent = info;
  element('info').hidden = info === '';
}

/** @param {'idle' | 'starting' | 'running'} state */
function setForm(state) {
  const button = element('publishBtn');
  element('fields').disabled = state !== 'idle';
  button.disabled = state === 'starting';
  button.textContent = state === 'running' || running.size > 0 ? 'Stop' : 'Start';
  button.dataset.action = button.textContent.toLowerCase();
  // A button that was disabled has lost the focus of the keyboard.
  if (!button.disabled && document.activeElement === document.body) button.focus({ preventScroll: true });
}

function isComplete() {
  const wrong = [...element('fields').querySelectorAll('input')].filter((input) => {
    const isWrong = !input.checkValidity() || input.value.trim() === '';
    input.setAttribute('aria-invalid', String(isWrong));
    return isWrong;
  });
  if (wrong.length === 0) return true;
  const labels = wrong.map((input) => input.labels[0].textContent);
  tell('Not started', 'bad', `Please check: ${labels.join(', ')}.`);
  wrong[0].focus();
  return false;
}

async function signallingUrl() {
  const isSecure = location.protocol === 'https:';
  const ports = await fetch(CONFIG_URL)
    .then((response) => response.json())
    .catch(() => ({ ws: 8080, wss: 8443 }));
  const port = isSecure ? ports.wss : ports.ws;
  return port === null ? '' : `${isSecure ? 'wss' : 'ws'}://${location.hostname}:${port}`;
}

async function sdkProblem() {
  if (globalThis.Flashphoner === undefined) {
    const answer = await fetch(SDK_URL)
      .then((response) => response.json())
      .catch(() => ({}));
    return `The Web SDK could not be loaded. ${answer.message ?? ''}`;
  }
  try {
    await globalThis.Flashphoner.init({});
    return undefined;
  } catch {
    return 'This browser does not support WebRTC.';
  }
}

/** Not a UUID: those are for secure pages only. */
function randomName() {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(4));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
