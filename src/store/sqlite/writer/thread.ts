import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import type { FromWriter, ToWriter, WriterOptions } from "../protocol.ts";
import { WriterDatabase } from "./writer-database.ts";

/**
 * The writer thread: the only one that changes the queue's database. It takes a batch, commits it, answers, and takes the next; a message
 * that it cannot serve because the file is broken ends it for good.
 */
const port = parentPort as MessagePort;
const say = (message: FromWriter): void => port.postMessage(message);

try {
  const database = new WriterDatabase(workerData as WriterOptions);
  port.on("message", (message: ToWriter) => {
    try {
      serve(database, message);
    } catch (error) {
      say({ kind: "failed", text: error instanceof Error ? error.message : String(error) });
      port.close();
    }
  });
  say({ kind: "ready", totals: database.totals, recovered: database.recovered });
} catch (error) {
  say({
    kind: "refused",
    name: error instanceof Error ? error.name : "Error",
    text: error instanceof Error ? error.message : String(error),
  });
}

function serve(database: WriterDatabase, message: ToWriter): void {
  switch (message.kind) {
    case "batch": {
      const done = database.batch(message.now, message.calls, message.contents);
      port.postMessage(done, done.contents === null ? [] : [done.contents.buffer as ArrayBuffer]);
      return;
    }
    case "checkpoint":
      database.checkpoint();
      return say({ kind: "checkpointed" });
    case "full":
      database.full();
      return say({ kind: "ballast", held: false });
    case "ballast":
      return say({ kind: "ballast", held: database.ballast.take() });
    case "close":
      database.close();
      say({ kind: "closed" });
      port.close();
  }
}
