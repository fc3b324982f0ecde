import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { PublishingBrowser, hasChromium } from './browser.ts';
import type { Compiled } from './compiled.ts';
import { compileReception } from './compiled.ts';
import { captured } from './support.ts';

let compiled: Compiled;
beforeAll(() => {
  compiled = compileReception();
});
afterAll(() => compiled.remove());

/** A process that answers the offers it is sent, and closes its server when it is told `close`. */
const PROGRAM = `
import { Streams } from './streams/streams.js';
import { WebRtcServer } from './ingest/webrtc/server.js';
const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
const streams = new Streams(1e7);
const server = new WebRtcServer({ streams, log }, {
  publishTimeoutMs: 20000, maxPublishers: 10, videoLossWaitMs: 1000, audioLossWaitMs: 300, syncWaitMs: 3000, keyFrameIntervalMs: 0,
});
await server.start();
let n = 0;
let samples = 0;
streams.events.on('published', (stream) => stream.subscribe({
  onTrack() {}, onEnd() {}, onSample() { if (++samples === 30) process.send({ samples }); },
}));
process.on('message', async (message) => {
  if (message === 'close') {
    await server.close();
    process.send({ closed: streams.all().length === 0 });
    process.disconnect();
    return;
  }
  const id = String(++n);
  const publisher = { sessionId: id, appKey: '', login: '', mediaProvider: 'WebRTC', custom: {}, terminate() {} };
  const publication = await server.publish(
    { name: id, mediaSessionId: id, publisher, custom: {}, record: false, sdp: message.sdp, transport: 'UDP' },
    { onPublishing() {}, onEnded() {} },
  );
  if (message.end) publication.end('Stopped by user');
  process.send({ answer: publication.answer });
});
process.send({ ready: true });
`;

interface Said {
  readonly ready?: boolean;
  readonly answer?: string;
  readonly samples?: number;
  readonly closed?: boolean;
}

class Program {
  readonly child: ChildProcess;
  readonly said: Said[] = [];
  code: number | null | undefined;

  constructor() {
    const path = join(compiled.dir, `program-${Math.random().toString(36).slice(2)}.js`);
    writeFileSync(path, PROGRAM);
    this.child = fork(path, { execArgv: [] });
    this.child.on('message', (message) => this.said.push(message as Said));
    this.child.on('exit', (code) => (this.code = code));
  }

  async hears<K extends keyof Said>(key: K): Promise<NonNullable<Said[K]>> {
    return await eventually(() => {
      const at = this.said.findIndex((each) => each[key] !== undefined);
      return at < 0 ? undefined : (this.said.splice(at, 1)[0]?.[key] ?? undefined);
    }, `a message with ${key}`);
  }

  async publish(sdp: string, end = false): Promise<string> {
    this.child.send({ sdp, end });
    return await this.hears('answer');
  }

  async closes(): Promise<void> {
    this.child.send('close');
    expect(await this.hears('closed')).toBe(true);
    try {
      expect(await eventually(() => this.code ?? undefined, 'the exit', 10_000)).toBe(0);
    } finally {
      if (this.child.exitCode === null) {
        this.child.kill('SIGKILL');
        await once(this.child, 'exit');
      }
    }
  }
}

describe('a process ends by itself when its server is closed', { timeout: 60_000 }, () => {
  it('without and with publications that never connected', async () => {
    const idle = new Program();
    await idle.hears('ready');
    await idle.closes();
    const program = new Program();
    await program.hears('ready');
    await program.publish(captured('chromium-av'));
    await program.publish(captured('chromium-audio'), true);
    await program.closes();
  });

  it.skipIf(!hasChromium)('with browsers that publish and one that left', async () => {
    const browser = await PublishingBrowser.launch();
    try {
      const program = new Program();
      await program.hears('ready');
      browser.answer = (sdp) => program.publish(sdp);
      const left = await browser.page();
      await left.evaluate(() => globalThis.publish({ audio: 'audio/opus' }));
      await program.hears('samples');
      await left.evaluate(() => globalThis.pc.close());
      const page = await browser.page();
      await page.evaluate(() => globalThis.publish({ video: 'video/VP8', audio: 'audio/opus' }));
      await eventually(
        async () => (await page.evaluate(() => globalThis.counts())).framesSent > 5 || undefined,
        'frames',
      );
      await program.closes();
    } finally {
      await browser.close();
    }
  });
});
