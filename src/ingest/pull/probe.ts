import { connect } from 'node:net';

/** True when something takes a TCP connection at that place within `timeoutMs`; it is closed at once. */
export async function accepts(
  place: { readonly host: string; readonly port: number },
  timeoutMs: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(place);
    const answer = (isOpen: boolean) => (): void => {
      resolve(isOpen);
      socket.destroy();
    };
    socket.setTimeout(timeoutMs, answer(false));
    socket.once('connect', answer(true)).on('error', answer(false));
  });
}
