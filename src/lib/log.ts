import { pino, type DestinationStream, type Logger } from "pino";

/**
 * JSON lines, one a fact. Written to standard output from a buffer, so that no message waits for the reader of the log; `flush` at the end.
 *
 * Nobody writes free text: each part has a port with one function per fact (queue/queue-log.ts, ingress/smtp/door-log.ts), and admin/facts.ts
 * turns those into lines. Secrets and content never come this far.
 */
export type Log = Logger;
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

export interface LogOutput extends Disposable {
  readonly log: Log;
  /** Writes out what is buffered, at once. */
  flush(): void;
}

/** Bytes gathered before they are written. */
const bufferBytes = 16 * 1024;
/** Longest time a line stays in the buffer. */
const flushMs = 250;

export function openLog(level: LogLevel, base: Readonly<Record<string, unknown>> = {}): LogOutput {
  const destination = pino.destination({ dest: 1, sync: false, minLength: bufferBytes, maxWrite: 4 * bufferBytes });
  // A reader that went away (`postern serve | head`) must not take the gateway with it.
  destination.on("error", () => undefined);
  const timer = setInterval(() => destination.flush(), flushMs);
  timer.unref();
  const flush = () => {
    try {
      destination.flushSync();
    } catch {
      // Not open yet, or gone: there is nobody to tell.
    }
  };
  const dispose = () => {
    clearInterval(timer);
    flush();
  };
  return { log: createLog(level, destination, base), flush, [Symbol.dispose]: dispose };
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
