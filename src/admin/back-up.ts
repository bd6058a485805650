import { existsSync, readdirSync, readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { manifestFile, type Manifest } from "../store/sqlite/maintenance/back-up.ts";
import type { OpenStore } from "../store/sqlite/open-store.ts";
import type { BackupProgress, BackupReport } from "./gateway.ts";

/** Copies the running store to a directory that is absent or empty, and tells what came of it. */
export async function backUp(opened: OpenStore, directory: string, onProgress: (progress: BackupProgress) => void): Promise<BackupReport> {
  if (existsSync(directory) && readdirSync(directory).length > 0) {
    throw Object.assign(new Error(`${directory} exists and is not empty`), { code: "EEXIST" });
  }
  await opened.backup(directory, (done, total) => onProgress({ step: "bytes copied", done, total }));
  const { messages } = JSON.parse(readFileSync(join(directory, manifestFile), "utf8")) as Manifest;
  const names = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  let bytes = 0;
  for (const entry of names) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  return { directory, files: names.length, bytes, messages };
}
