/** Both ends of a connection. */
export interface ClientPlace {
  readonly address: string;
  readonly localAddress: string;
  /** `/address:port/address:port`, as WCS names sessions. */
  readonly sessionId: string;
}
