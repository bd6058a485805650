import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { CommandError } from "../exit-codes.ts";

export interface LoadPlan {
  readonly host: string;
  readonly port: number;
  readonly messages: number;
  readonly sessions: number;
  readonly bytes: number;
  readonly from: string;
  readonly to: string;
  readonly onAccepted: () => void;
}

export interface LoadResult {
  readonly accepted: number;
  readonly refused: number;
  readonly lastRefusal?: string;
  readonly seconds: number;
  readonly perSecond: number;
  readonly latencyMs: { readonly median: number; readonly p99: number; readonly longest: number };
}

const answerTimeoutMs = 60_000;

/**
 * A load generator small enough not to be what is measured: pipelined commands, one ready-made message, replies read by line.
 */
export async function generateLoad(plan: LoadPlan): Promise<LoadResult> {
  const content = Buffer.from(`${letter(plan)}.\r\n`);
  const latencies: number[] = [];
  let started = 0;
  let refused = 0;
  let lastRefusal: string | undefined;
  const begin = performance.now();
  const session = async () => {
    const socket = connect(plan.port, plan.host);
    socket.setNoDelay(true).setTimeout(answerTimeoutMs, () => socket.destroy(new Error("no answer")));
    try {
      await once(socket, "connect");
      const replies = readReplies(socket);
      await expect(replies, 1);
      socket.write("EHLO bench.example\r\n");
      await expect(replies, 1);
      while (started < plan.messages) {
        started++;
        const from = performance.now();
        socket.write(`MAIL FROM:<${plan.from}>\r\nRCPT TO:<${plan.to}>\r\nDATA\r\n`);
        const answers = await expect(replies, 3);
        const no = answers.find((answer) => answer.startsWith("4") || answer.startsWith("5"));
        if (no !== undefined) {
          [refused, lastRefusal] = [refused + 1, no];
          // The content goes unread when DATA was refused, so only an RSET is owed.
          socket.write(answers[2]?.startsWith("354") === true ? ".\r\nRSET\r\n" : "RSET\r\n");
          await expect(replies, answers[2]?.startsWith("354") === true ? 2 : 1);
          continue;
        }
        socket.write(content);
        const [answer = ""] = await expect(replies, 1);
        if (answer.startsWith("2")) {
          latencies.push(performance.now() - from);
          plan.onAccepted();
        } else [refused, lastRefusal] = [refused + 1, answer];
      }
      socket.end("QUIT\r\n");
    } catch (error) {
      throw new CommandError("unavailable", `a connection failed: ${(error as Error).message}`, { cause: error });
    } finally {
      socket.destroySoon();
    }
  };
  await Promise.all(Array.from({ length: plan.sessions }, session));
  const seconds = (performance.now() - begin) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return {
    accepted: latencies.length,
    refused,
    ...(lastRefusal === undefined ? {} : { lastRefusal }),
    seconds,
    perSecond: latencies.length / seconds,
    latencyMs: { median: at(0.5), p99: at(0.99), longest: latencies.at(-1) ?? 0 },
  };
}

function letter({ from, to, bytes }: LoadPlan): string {
  const header = `From: <${from}>\r\nTo: <${to}>\r\nSubject: bench\r\n\r\n`;
  const line = `${"x".repeat(70)}\r\n`;
  return header + line.repeat(Math.max(1, Math.ceil((bytes - header.length) / line.length)));
}

/** The last line of each reply. */
async function* readReplies(socket: Socket): AsyncGenerator<string, void, undefined> {
  let rest = "";
  for await (const piece of socket as AsyncIterable<Buffer>) {
    const lines = (rest + piece.toString("latin1")).split("\r\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.charAt(3) !== "-") yield line;
  }
}

async function expect(replies: AsyncGenerator<string, void, undefined>, count: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < count) {
    const { value, done } = await replies.next();
    if (done === true) throw new Error("the gateway closed the connection");
    found.push(value);
  }
  return found;
}
