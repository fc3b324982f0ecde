const { fetch, JSON } = globalThis;

/** What REST refused, in its own words; `code` is stable. */
export class RestError extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

/** @throws RestError */
export async function rest(path, body = {}) {
  const headers = { 'Content-Type': 'application/json' };
  const request = { method: 'POST', headers, body: JSON.stringify(body) };
  const response = await fetch(`rest-api${path}`, request).catch(() => {
    throw new RestError('The server cannot be reached.', 'UNREACHABLE');
  });
  const answer = jsonOf(await response.text());
  if (response.ok) return answer;
  throw new RestError(answer?.message ?? `The server answered ${response.status}.`, answer?.code ?? '');
}

/** An empty list is an error in REST. @throws RestError */
export async function restList(path, body, none) {
  try {
    return await rest(path, body);
  } catch (error) {
    if (/_NOT_FOUND$/.test(error.code)) return none;
    throw error;
  }
}

/** Where a file is played and downloaded. */
export const fileUrl = ({ fileName }) => `client/records/${encodeURIComponent(fileName)}`;

export const pictureUrl = ({ recordingId, partIndex }) =>
  `rest-api/catalogue/picture?recordingId=${encodeURIComponent(recordingId)}&partIndex=${partIndex}`;

/** One file, or all of them joined. */
export function downloadUrl({ recordingId, partCount, parts }) {
  if (partCount === 1) return `${fileUrl(parts[0])}?download`;
  return `rest-api/catalogue/export?recordingId=${encodeURIComponent(recordingId)}`;
}

function jsonOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
