import { request } from "node:http";
import { join } from "node:path";
import { socketPath } from "../lib/unix-socket.ts";
import { CommandError } from "./exit-codes.ts";

/** Talks to the process that runs in a data directory, through its control socket. */
export interface Control {
  get<T>(path: string, query?: Query): Promise<T>;
  post<T>(path: string, body?: unknown): Promise<T>;
  delete<T>(path: string, query?: Query): Promise<T>;
  /** Lines of JSON as they come; for long actions that tell their progress. */
  stream(path: string, body: unknown, onLine: (line: unknown) => void): Promise<void>;
}

export type Query = Readonly<Record<string, string | number | undefined>>;

/** Longest wait for an answer to begin; a long action sends something well before. */
const timeoutMs = 120_000;

export function openControl(dataDirectory: string): Control {
  const socket = join(dataDirectory, "control.sock");
  const ask = <T>(method: string, path: string, body?: unknown) =>
    exchange(dataDirectory, socket, method, path, body).then((text) => JSON.parse(text) as T);
  return {
    get: (path, query) => ask("GET", path + formatQuery(query)),
    post: (path, body) => ask("POST", path, body ?? {}),
    delete: (path, query) => ask("DELETE", path + formatQuery(query)),
    stream: async (path, body, onLine) => {
      let rest = "";
      await exchange(dataDirectory, socket, "POST", path, body, (piece) => {
        const lines = (rest + piece).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line !== "") onLine(JSON.parse(line));
      });
    },
  };
}

function formatQuery(query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) params.set(name, String(value));
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}

async function exchange(
  dataDirectory: string,
  socket: string,
  method: string,
  path: string,
  body: unknown,
  onPiece?: (piece: string) => void,
): Promise<string> {
  return await new Promise<string>((resolve, reject) => {
    let short;
    try {
      short = socketPath(socket);
    } catch (error) {
      return reject(unreachable(dataDirectory, error));
    }
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const outgoing = request(
      {
        socketPath: short.path,
        method,
        path,
        agent: false,
        headers: {
          host: "localhost",
          ...(payload === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(payload) }),
        },
      },
      (response) => {
        short[Symbol.dispose]();
        let text = "";
        const ok = (response.statusCode ?? 500) < 300;
        response.setEncoding("utf8");
        response.on("data", (piece: string) => {
          if (ok && onPiece !== undefined) onPiece(piece);
          else text += piece;
        });
        response.on("error", (error) => reject(new CommandError("io", `the connection to the gateway broke: ${error.message}`)));
        response.on("end", () => (ok ? resolve(text) : reject(refused(response.statusCode ?? 500, text))));
      },
    );
    outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error("no answer")));
    outgoing.on("error", (error) => reject(unreachable(dataDirectory, error)));
    outgoing.end(payload);
  });
}

function unreachable(dataDirectory: string, error: unknown): CommandError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT" || code === "ECONNREFUSED" || code === "ENOTDIR") {
    return new CommandError("unavailable", `nothing runs in ${dataDirectory}: start it, or name the right directory with --data`, {
      cause: error,
    });
  }
  if (code === "EACCES")
    return new CommandError("noPermission", `this user may not control what runs in ${dataDirectory}`, { cause: error });
  return new CommandError("unavailable", `cannot reach what runs in ${dataDirectory}: ${(error as Error).message}`, { cause: error });
}

function refused(status: number, text: string): CommandError {
  let message = text;
  try {
    message = (JSON.parse(text) as { error?: { message?: string } }).error?.message ?? text;
  } catch {
    // Not ours; shown as it is.
  }
  const exit =
    status === 404 ? "failed" : status === 400 ? "usage" : status === 409 ? "tempFail" : status === 403 ? "noPermission" : "software";
  return new CommandError(exit, message);
}
