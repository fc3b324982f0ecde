// What goes wrong, in words for the person in front of the camera.

const MEDIA_ERRORS = {
  NotAllowedError:
    'The browser was not allowed to use the camera and microphone. Allow both for this page in the browser’s settings, then start again.',
  NotFoundError: 'No camera or no microphone was found. Connect one, then start again.',
  NotReadableError:
    'The camera or microphone is in use by another program. Close it there, then start again.',
  OverconstrainedError: 'The camera cannot deliver a picture of the size that this page asks for.',
};

const STREAM_FAILURES = {
  'Stream name is already in use': 'Someone publishes under this stream name already. Choose another one.',
  'No common codecs': 'The browser and the server have no video or audio format in common.',
  'Failed by ICE timeout':
    'No media reached the server. A firewall may block its media port (UDP), or its public address (setting ip) is not set.',
  'Failed by RTP activity': 'The server has received no media for too long.',
  'Stopped by rest /terminate': 'The stream was ended by the server’s administrator.',
};

/** Why this page can never get the camera; undefined when it may ask for it. */
export function insecurePageProblem() {
  if (globalThis.navigator?.mediaDevices?.getUserMedia !== undefined) return undefined;
  if (globalThis.isSecureContext) return 'This browser offers no access to cameras and microphones.';
  return `Browsers give the camera only to pages opened by https or from localhost, and this one came by http from ${globalThis.location.hostname}. Open it by https, or on the server’s own machine from localhost.`;
}

/** @param {unknown} error what `getUserMedia` failed with. */
export function mediaProblem(error) {
  const { name = '', message = String(error) } = error ?? {};
  return MEDIA_ERRORS[name] ?? `The camera or microphone cannot be opened: ${message}`;
}

/** @param {string} info the server's word, or the SDK's. */
export function streamProblem(info) {
  if (info === '') return 'The connection to the server was lost.';
  return STREAM_FAILURES[info] === undefined ? info : `${STREAM_FAILURES[info]} (${info})`;
}

/** @param {string} url address of the signalling. */
export function connectionProblem(url) {
  const isSecure = url.startsWith('wss:');
  const certificate = ' If its certificate is not a trusted one, open it once by https to accept it.';
  return `No connection to ${url}. Is the server running, and is this port open?${isSecure ? certificate : ''}`;
}
