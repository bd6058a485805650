import { constants, existsSync, readFileSync, readdirSync } from "node:fs";
import { copyFile, mkdir, open, rename } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { copyBeside } from "./beside.ts";
import { lockDirectory } from "./directory-lock.ts";
import { manifestFile, type Manifest } from "./maintenance/back-up.ts";
import { schemaVersion, StoreUnusable } from "./migrations/migrate.ts";

/**
 * Makes a data directory from a backup. The database comes last and appears under its name when everything else is on disk, so that a
 * restore that was cut short is no data directory.
 *
 * @param beside names of what lies beside a store; what of it the backup has must not be there yet
 *
 * What was relayed after the backup was made waits in it still and is sent again when the gateway starts.
 */
export async function restore(from: string, to: string, beside: readonly string[] = []): Promise<Manifest> {
  const manifest = readManifest(from);
  if (existsSync(join(to, "queue.sqlite"))) throw new StoreUnusable(`${to} holds a store already: restore into another folder`);
  await mkdir(to, { recursive: true, mode: 0o700 });
  using _lock = lockDirectory(to);
  for (const folder of ["segments", "history"]) {
    await mkdir(join(to, folder), { recursive: true, mode: 0o700 });
    for (const name of readdirSync(join(from, folder))) await copyDurably(join(from, folder, name), join(to, folder, name));
    await sync(join(to, folder));
  }
  copyBeside(beside, from, to);
  const arriving = join(to, "queue.sqlite.new");
  await copyDurably(join(from, "queue.sqlite"), arriving);
  check(arriving);
  await rename(arriving, join(to, "queue.sqlite"));
  await sync(to);
  return manifest;
}

function readManifest(from: string): Manifest {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(readFileSync(join(from, manifestFile), "utf8")) as Manifest;
  } catch {
    throw new StoreUnusable(`${from} is not a backup made by Postern (no readable ${manifestFile})`);
  }
  if (manifest.product !== "postern") throw new StoreUnusable(`${from} is not a backup made by Postern`);
  if (manifest.schema > schemaVersion)
    throw new StoreUnusable(`${from} was made by a newer Postern (schema ${manifest.schema}, known up to ${schemaVersion})`);
  return manifest;
}

function check(file: string): void {
  using database = new DatabaseSync(file, { readOnly: true });
  const result = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
  if (result !== "ok") throw new StoreUnusable(`the backup's database is damaged: ${String(result)}`);
}

async function copyDurably(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  await sync(to);
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
