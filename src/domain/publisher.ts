/** How WCS names the source of a stream in `mediaProvider`. */
export const MEDIA_PROVIDERS = ['WebRTC', 'Flash', 'RTSP'] as const;

export type MediaProvider = (typeof MEDIA_PROVIDERS)[number];

/** Free parameters of a client: query strings of URLs and stream names, `custom` of the Web SDK. */
export type CustomParameters = Readonly<Record<string, string>>;

/** One signalling session of a client, as `/connection/find_all` shows it. */
export interface Connection {
  /** `/clientIP:port/serverIP:port`. */
  readonly sessionId: string;
  readonly appKey: string;
  readonly login: string;
  readonly mediaProvider: MediaProvider;
  readonly custom: CustomParameters;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** What a Web SDK client says of itself; absent where the protocol says no such thing. */
  readonly clientVersion?: string;
  readonly mediaProviders?: readonly string[];
  /** Ends the session and every stream in it. `info` is WCS's text for the client. */
  terminate(info: string): void;
}

/** Who publishes a stream. */
export interface Publisher {
  readonly sessionId: string;
  readonly appKey: string;
  readonly login: string;
  readonly mediaProvider: MediaProvider;
  /** Of its session. */
  readonly custom: CustomParameters;
  /** Ends this publication. `info` is WCS's text for the client, e.g. `Stopped by rest /terminate`. */
  terminate(info: string): void;
}
