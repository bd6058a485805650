import { pino, type DestinationStream, type Logger } from "pino";
import { openLineOutput, type LineOutput } from "./line-output.ts";

/**
 * JSON lines, one a fact. Written to standard output from a buffer (line-output.ts), so that no message waits for the reader of the log.
 *
 * Nobody writes free text: each part has a port with one function per fact (queue/queue-log.ts, ingress/smtp/door-log.ts), and admin/facts.ts
 * turns those into lines. Secrets and content never come this far.
 */
export type Log = Logger;
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

export interface LogOutput extends AsyncDisposable {
  readonly log: Log;
  /** A line of its own making, for facts so frequent that composing them by hand pays; `level` as in `isLevelEnabled`. */
  readonly lines: LineOutput;
}

export function openLog(level: LogLevel, base: Readonly<Record<string, unknown>> = {}, descriptor = 1): LogOutput {
  const lines = openLineOutput(descriptor, {
    dropped: (count) => `{"level":"warn","time":"${new Date().toISOString()}","count":${count},"fact":"log-lines-dropped"}\n`,
  });
  return { log: createLog(level, lines, base), lines, [Symbol.asyncDispose]: () => lines[Symbol.asyncDispose]() };
}

export function createLog(level: LogLevel, destination: DestinationStream, base: Readonly<Record<string, unknown>> = {}): Log {
  return pino(
    {
      level,
      base,
      messageKey: "fact",
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: (error: unknown) => describeError(error) },
    },
    destination,
  );
}

/** An error for the log: name, message, stack, code and causes, and nothing else that might hang on it. */
export function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return String(error);
  const code = (error as NodeJS.ErrnoException).code;
  return {
    name: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    stack: error.stack,
    ...(error.cause === undefined || depth > 3 ? {} : { cause: describeError(error.cause, depth + 1) }),
  };
}
