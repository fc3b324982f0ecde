// Starts the compiled server for the demo and the benchmark and reads its log.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { clearTimeout, setTimeout } from 'node:timers';

const MAIN = join(import.meta.dirname, '../dist/main.js');
/** Lines of log kept for a failure's message. */
const TAIL_LINES = 30;
/** Longer than the server's own shutdown_timeout. */
const STOP_MS = 40_000;

/** Free ports, JSON log: what every caller needs. */
const SETTINGS = {
  'rtmp.port': 0,
  'rtsp.port': 0,
  'http.port': 0,
  'ws.port': 0,
  media_port: 0,
  log_format: 'json',
};

const asJson = (line) => {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
};

/** The server's log as it comes: a bounded tail for messages, the bound ports, and who waits for what. */
class Log {
  #tail = [];
  #ports = {};
  #waiting = new Set();

  add(line) {
    this.#tail.push(line);
    if (this.#tail.length > TAIL_LINES) this.#tail.shift();
    const entry = asJson(line);
    if (entry?.msg === 'listening') this.#ports[entry.door] = entry.port;
    for (const look of this.#waiting) look();
  }

  get tail() {
    return this.#tail.join('\n');
  }

  /** Resolves with the door's port once the log says that it listens. */
  port(door, timeoutMs = 15_000) {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.#ports[door] === undefined) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(this.#ports[door]);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`the server did not open its ${door} port in ${timeoutMs} ms`));
      }, timeoutMs).unref();
      this.#waiting.add(look);
      look();
    });
  }
}

/**
 * Starts the server with `home` as its home and `settings` as its settings file. `wrap` may change the command line.
 * @returns pid, log tail, bound ports, and `stop()`, which resolves with the exit code.
 */
export function startServer({ home, settings, wrap = (command) => command }) {
  const config = join(home, 'conf/flashphoner.properties');
  const lines = Object.entries({ ...SETTINGS, ...settings }).map(([key, value]) => `${key}=${value}\n`);
  mkdirSync(join(home, 'conf'), { recursive: true });
  writeFileSync(config, lines.join(''));

  const [command, ...args] = wrap([process.execPath, MAIN, '--home', home, '--config', config]);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const log = new Log();
  for (const output of [child.stdout, child.stderr])
    createInterface(output).on('line', (line) => log.add(line));
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal);
  const failed = ended.then((code) => {
    throw new Error(`the server ended by itself (${code})`);
  });
  failed.catch(() => undefined);
  return {
    pid: child.pid,
    port: (door) => Promise.race([log.port(door), failed]),
    failed,
    logTail: () => log.tail,
    stop() {
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), STOP_MS).unref();
      return ended;
    },
  };
}
