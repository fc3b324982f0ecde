/* global RTCPeerConnection, RTCRtpSender, navigator */

/**
 * What a test changes in the browser, in place before the SDK is loaded, so that the SDK itself stays as it is:
 * where media comes from, which codecs are offered, and which candidate of the answer is used.
 */
export class Hooks {
  /** Options of the publication whose connection is made next. */
  #next;
  #source;
  /** Called with the address and port of a candidate; resolves with those to use instead. */
  #relay;

  constructor({ source, relay }) {
    this.#source = source;
    this.#relay = relay;
    if (source !== undefined) this.#replaceDevices();
    this.#replaceConnection();
  }

  /** The next connection belongs to this publication, which learns of it as `publication.connection`. */
  expect(publication) {
    this.#next = publication;
  }

  #replaceDevices() {
    const give = (constraints) => this.#source.stream(constraints);
    const legacy = (constraints, onSuccess) => onSuccess(give(constraints));
    navigator.mediaDevices.getUserMedia = async (constraints) => give(constraints);
    for (const name of ['getUserMedia', 'webkitGetUserMedia'])
      Object.defineProperty(navigator, name, { value: legacy, writable: true, configurable: true });
  }

  #replaceConnection() {
    const take = (connection) => {
      const publication = this.#next;
      this.#next = undefined;
      if (publication !== undefined) publication.connection = connection;
      return publication?.options ?? {};
    };
    const adaptAnswer = (sdp, options) => this.#adaptAnswer(sdp, options);
    globalThis.RTCPeerConnection = class extends RTCPeerConnection {
      #options;

      constructor(...args) {
        super(...args);
        this.#options = take(this);
      }

      async createOffer(...args) {
        const { codec, withoutRtx } = this.#options;
        if (codec !== undefined) preferCodec(this, codec, withoutRtx === true);
        return super.createOffer(...args);
      }

      async setRemoteDescription({ type, sdp }) {
        return super.setRemoteDescription({ type, sdp: await adaptAnswer(sdp, this.#options) });
      }
    };
  }

  async #adaptAnswer(sdp, { dtx, throughRelay }) {
    let adapted = sdp;
    if (throughRelay === true) adapted = await this.#throughRelay(adapted);
    if (dtx === true) adapted = withDtx(adapted);
    return adapted;
  }

  /** One candidate in each media section, the relay's. */
  async #throughRelay(sdp) {
    const lines = sdp.split(/\r?\n/);
    const isCandidate = (line) => line.startsWith('a=candidate:');
    // The relay speaks IPv4.
    const fields = lines
      .filter(isCandidate)
      .map((line) => line.split(' '))
      .find((candidate) => candidate[4].includes('.'));
    if (fields === undefined) throw new Error('the answer has no candidate');
    const [address, port] = await this.#relay(fields[4], Number(fields[5]));
    [fields[4], fields[5]] = [address, String(port)];
    let section = 0;
    let writtenIn = -1;
    const kept = lines.flatMap((line) => {
      if (line.startsWith('m=')) section += 1;
      if (!isCandidate(line)) return [line];
      if (writtenIn === section) return [];
      writtenIn = section;
      return [fields.join(' ')];
    });
    return kept.join('\r\n');
  }
}

/** Only this video codec is offered, with its retransmission unless that is not wanted. */
function preferCodec(connection, codec, withoutRtx) {
  const { codecs } = RTCRtpSender.getCapabilities('video');
  const wanted = codecs.filter(({ mimeType }) => {
    const name = mimeType.toLowerCase();
    return name === `video/${codec}` || (name === 'video/rtx' && !withoutRtx);
  });
  for (const transceiver of connection.getTransceivers()) {
    if (transceiver.sender.track?.kind === 'video') transceiver.setCodecPreferences(wanted);
  }
}

function withDtx(sdp) {
  const payloadType = /^a=rtpmap:(\d+) opus\/48000/m.exec(sdp)?.[1];
  const format = new RegExp(`^(a=fmtp:${payloadType} [^\\r\\n]*)`, 'm');
  if (format.test(sdp)) return sdp.replace(format, '$1;usedtx=1');
  return sdp.replace(/^(a=rtpmap:\d+ opus\/48000[^\r\n]*)/m, `$1\r\na=fmtp:${payloadType} usedtx=1`);
}
