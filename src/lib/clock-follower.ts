import { randomUUID } from "node:crypto";
import { request, Agent, type IncomingMessage } from "node:http";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import type { PolicyClock } from "./clock.ts";

/**
 * Follows the policy clock of a sandbox: for the demo's gateway, never for real mail.
 *
 * Keeps one stream open (`GET /api/clock/follow`), sets the clock to each reading, lets everything that fell due run and come to rest, and
 * acknowledges with the time when the next thing falls due. Reconnects when the stream breaks; the clock keeps its last offset meanwhile.
 * Connects to loopback only: whoever moves this clock decides which mail expires.
 */
export interface FollowOptions {
  /** `http://127.0.0.1:8026` */
  readonly url: string;
  readonly clock: PolicyClock;
  /** Resolves when everything that was due by the clock's time has run and come to rest. Called after the clock's own timers have fired. */
  readonly atRest: (signal: AbortSignal) => Promise<void>;
  /** Told when the stream breaks and when it stands again. */
  readonly onState?: (state: "following" | "lost", error?: unknown) => void;
}

export interface ClockFollower extends AsyncDisposable {
  /** The first reading has been obeyed. Start what waits for time only after this. */
  readonly ready: Promise<void>;
}

interface Reading {
  readonly seq: number;
  readonly offset: number;
}

const reconnectMs = 500;
/** Both may have been started at the same time. */
const firstConnectMs = 50;
/** The only hosts a follower talks to. */
const loopbackHosts: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);
const maxLineLength = 4096;
const answerTimeoutMs = 10_000;

/** @throws RangeError when the URL is not plain HTTP on loopback. */
export function followClock(options: FollowOptions): ClockFollower {
  const url = new URL(options.url);
  if (url.protocol !== "http:" || !loopbackHosts.has(url.hostname))
    throw new RangeError(`a clock is followed over http on loopback only, not ${options.url}`);
  const stop = new AbortController();
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  const follower = new Follower(url, options, stop.signal, resolve);
  const done = follower.run();
  return {
    ready,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done;
    },
  };
}

class Follower {
  readonly #id = randomUUID();
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #url: URL;
  readonly #options: FollowOptions;
  readonly #signal: AbortSignal;
  readonly #ready: () => void;
  #stream: IncomingMessage | null = null;
  #latest: Reading | null = null;
  #obeying: Promise<void> | null = null;

  constructor(url: URL, options: FollowOptions, signal: AbortSignal, ready: () => void) {
    this.#url = url;
    this.#options = options;
    this.#signal = signal;
    this.#ready = ready;
  }

  async run(): Promise<void> {
    let standing = true;
    let ever = false;
    while (!this.#signal.aborted) {
      let error: unknown;
      try {
        await this.#follow(() => {
          standing = true;
          ever = true;
          this.#options.onState?.("following");
        });
      } catch (cause) {
        error = cause;
      }
      if (this.#signal.aborted) break;
      if (standing) this.#options.onState?.("lost", error);
      standing = false;
      await sleep(ever ? reconnectMs : firstConnectMs, undefined, { signal: this.#signal }).catch(() => undefined);
    }
    await this.#obeying;
    this.#agent.destroy();
  }

  async #follow(connected: () => void): Promise<void> {
    const stream = await this.#send("GET", `/api/clock/follow?followerId=${this.#id}`);
    if (stream.statusCode !== 200) {
      stream.destroy();
      throw new Error(`the sandbox answered ${stream.statusCode} to following its clock`);
    }
    this.#stream = stream;
    connected();
    let rest = "";
    stream.setEncoding("utf8");
    for await (const piece of stream as AsyncIterable<string>) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop() ?? "";
      if (rest.length > maxLineLength) throw new Error("a line of the clock stream is too long");
      for (const line of lines) if (line !== "") this.#read(line);
    }
  }

  #read(line: string): void {
    const value = JSON.parse(line) as Partial<Reading> | null;
    const { seq, offset } = value ?? {};
    if (typeof seq !== "number" || !Number.isSafeInteger(seq) || typeof offset !== "number" || !Number.isFinite(offset))
      throw new Error("a line of the clock stream is not a reading");
    this.#latest = { seq, offset };
    this.#options.clock.set(Date.now() + offset);
    this.#obeying ??= this.#obey();
  }

  /** Comes to rest and acknowledges, until there is no newer reading. Only the latest matters: the clock has been set to it already. */
  async #obey(): Promise<void> {
    for (let reading = this.#take(); reading !== null && !this.#signal.aborted; reading = this.#take()) {
      try {
        await this.#rest();
        await this.#ack(reading.seq);
        this.#ready();
      } catch (error) {
        // A new stream begins with a reading, which we obey and acknowledge again.
        this.#stream?.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    }
    // In the same turn as the last look, so that no reading falls between.
    this.#obeying = null;
  }

  #take(): Reading | null {
    const reading = this.#latest;
    this.#latest = null;
    return reading;
  }

  /** Nothing due by now is left: neither a timer nor work that one started. */
  async #rest(): Promise<void> {
    const { clock, atRest } = this.#options;
    do {
      while ((clock.nextDue() ?? Infinity) <= clock.now()) await turn(undefined, { signal: this.#signal });
      await atRest(this.#signal);
    } while ((clock.nextDue() ?? Infinity) <= clock.now());
  }

  async #ack(seq: number): Promise<void> {
    const answer = await this.#send(
      "POST",
      "/api/clock/follow",
      JSON.stringify({ followerId: this.#id, seq, nextDue: this.#options.clock.nextDue() }),
    );
    answer.resume();
    if (answer.statusCode !== 200) throw new Error(`the sandbox answered ${answer.statusCode} to an acknowledgement`);
  }

  #send(method: "GET" | "POST", path: string, body?: string): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const stream = method === "GET";
      const outgoing = request(
        new URL(path, this.#url),
        {
          method,
          signal: this.#signal,
          // The stream has a connection of its own; acknowledgements share one.
          agent: stream ? false : this.#agent,
          ...(body === undefined ? {} : { headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) } }),
        },
        (answer) => {
          outgoing.setTimeout(0);
          resolve(answer);
        },
      );
      outgoing.setTimeout(answerTimeoutMs, () => outgoing.destroy(new Error("the sandbox did not answer")));
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  }
}
