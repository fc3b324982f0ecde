/** Bounds of a `TwccRecorder`. */
export interface TwccOptions {
  readonly senderSsrc: number;
  /** Packets remembered between two feedbacks; the oldest are reported at once when it is exceeded. */
  readonly maxPackets: number;
  /** Longest feedback message; a longer report is split. */
  readonly maxFeedbackBytes: number;
}

/** Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01) of one transport. */
export class TwccRecorder {
  constructor(options: TwccOptions) {
    void options;
  }

  /** Notes one packet, whatever its SSRC: media, retransmission or padding. */
  record(sequence: number, arrivalMs: number, ssrc: number): void {
    void [sequence, arrivalMs, ssrc];
  }

  /** The messages due, for a call every 100 ms; empty when nothing arrived. Each is a whole RTCP packet. */
  feedback(): readonly Buffer[] {
    return [];
  }
}
