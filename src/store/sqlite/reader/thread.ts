import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { openReading } from "../connection.ts";
import { QueueReader } from "./queue-reader.ts";
import type { FromReader, ReaderOptions, ToReader } from "./reader-protocol.ts";

/** The reader thread: answers questions of people, and the few of the store itself, over connections that cannot write. */
const port = parentPort as MessagePort;
const options = workerData as ReaderOptions;
const reader = new QueueReader(openReading(options.file, 8 * 1024), options.history);

port.on("message", ({ id, question, args }: ToReader) => {
  let answer: FromReader;
  try {
    answer = { id, value: (reader[question] as (...all: unknown[]) => unknown).apply(reader, [...args]) };
  } catch (error) {
    answer = { id, error: error instanceof Error ? error.message : String(error) };
  }
  port.postMessage(answer);
});
