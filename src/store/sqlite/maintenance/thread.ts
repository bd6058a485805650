import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { openReading } from "../connection.ts";
import { classify } from "../writer/errors.ts";
import { Archivist } from "./archivist.ts";
import { backUp } from "./back-up.ts";
import type { FromMaintenance, MaintenanceOptions, ToMaintenance } from "./maintenance-protocol.ts";

/**
 * The maintenance thread: what takes long and must not be in anybody's way. It copies the WAL into the database (a commit that had to do so
 * took 77 ms), moves finished messages to the history, removes old days, makes backups.
 */
const port = parentPort as MessagePort;
const options = workerData as MaintenanceOptions;
const database = openReading(options.file, 4 * 1024);
const archivist = new Archivist(database, options.history, options.chunk);
const checkpoint = database.prepare("PRAGMA wal_checkpoint(PASSIVE)");

port.on("message", (message: ToMaintenance) => {
  try {
    const answer = serve(message);
    port.postMessage(answer);
    if (answer.kind === "closed") port.close();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    // Only checkpoints write the queue's database; a failed history or backup endangers nothing.
    const found = classify(error);
    const kindOf = message.kind === "checkpoint" && found !== "call" ? found : "other";
    port.postMessage({ kind: "error", about: message.kind, text, kindOf } satisfies FromMaintenance);
  }
});

function serve(message: ToMaintenance): FromMaintenance {
  switch (message.kind) {
    case "checkpoint":
      checkpoint.get();
      return { kind: "checkpointed" };
    case "move":
      return { kind: "moved", range: archivist.move(message.now) };
    case "retain":
      return { kind: "retained", removed: archivist.retain(message.now, message.keepMs, message.maxBytes) };
    case "backup":
      backUp(database, options, message.target, (done, total) =>
        port.postMessage({ kind: "progress", done, total } satisfies FromMaintenance),
      );
      return { kind: "backedUp" };
    case "close":
      archivist.close();
      database.close();
      return { kind: "closed" };
  }
}
