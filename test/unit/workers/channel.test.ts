import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RecorderdError } from '../../../src/domain/errors.ts';
import { Channel } from '../../../src/workers/channel.ts';

interface Calls {
  twice(value: number): number;
  later(value: string): Promise<string>;
  refused(_: undefined): void;
  broken(_: undefined): void;
  note(text: string): void;
}
interface Nothing {
  readonly none: () => void;
}

let ports: MessageChannel;
let asker: Channel<Calls, Nothing>;
const notes: string[] = [];

/** Both ends over a real port, whose messages are structured clones as those between processes are. */
beforeEach(() => {
  notes.length = 0;
  ports = new MessageChannel();
  const answerer = new Channel<Nothing, Calls>((message) => ports.port2.postMessage(message), {
    twice: (value) => value * 2,
    later: async (value) => {
      await new Promise((resolve) => setImmediate(resolve));
      return `${value}!`;
    },
    refused: () => {
      throw new RecorderdError('STREAM_NOT_FOUND', 'Stream not found: x');
    },
    broken: () => {
      throw new TypeError('no such thing');
    },
    note: (text) => void notes.push(text),
  });
  asker = new Channel<Calls, Nothing>((message) => ports.port1.postMessage(message), {
    none: () => undefined,
  });
  ports.port1.on('message', (message) => asker.receive(message));
  ports.port2.on('message', (message) => answerer.receive(message));
});

afterEach(() => ports.port1.close());

test('answers come to whoever asked, also when a later question is answered first', async () => {
  const [slow, fast] = [asker.call('later', 'a'), asker.call('twice', 21)];
  expect(await Promise.all([slow, fast])).toEqual(['a!', 42]);
});

test('an error arrives with its code; one of another kind is INTERNAL with its message', async () => {
  await expect(asker.call('refused', undefined)).rejects.toMatchObject({
    code: 'STREAM_NOT_FOUND',
    message: 'Stream not found: x',
  });
  await expect(asker.call('broken', undefined)).rejects.toMatchObject({
    code: 'INTERNAL',
    message: 'no such thing',
  });
});

test('what is told is heard before what is asked behind it', async () => {
  asker.tell('note', 'first');
  asker.tell('note', 'second');
  await asker.call('twice', 1);
  expect(notes).toEqual(['first', 'second']);
});

test('questions fail when the other side is gone, those under way and those that follow', async () => {
  const open = asker.call('later', 'a');
  asker.close();
  const gone = { code: 'INTERNAL', message: 'the ingest worker has ended' };
  await expect(open).rejects.toMatchObject(gone);
  await expect(asker.call('twice', 1)).rejects.toMatchObject(gone);
});
