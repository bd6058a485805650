import type { Ingress, ListeningAddress } from "../ingress.ts";
import type { PickupOptions } from "./options.ts";
import { PickupFolder, type PickupDeps } from "./pickup-folder.ts";

/**
 * The pickup door: folders into which programs put letters as files, as with the SMTP service of IIS and with Exchange.
 *
 * Who does what: settled-files.ts sees which files are finished, pickup-file.ts reads one and hands it to `Submit`, pickup-folder.ts sees to it
 * that each is sent once, also over a crash, and that what cannot be sent is moved aside; held-folder.ts keeps a folder from being replaced.
 *
 * Bounds: names looked at in a pass, files under way, bytes and recipients of a file, the header section; content of any size streams through.
 */
export class PickupDoor implements Ingress {
  readonly #folders: readonly PickupFolder[];

  constructor({ hostname, folders }: { readonly hostname: string; readonly folders: readonly PickupOptions[] }, deps: PickupDeps) {
    this.#folders = folders.map((folder) => new PickupFolder(folder, hostname, deps));
  }

  async listen(): Promise<void> {
    try {
      for (const folder of this.#folders) await folder.open();
    } catch (error) {
      await this.close(0);
      throw error;
    }
  }

  ready(): boolean {
    return this.#folders.every((folder) => folder.ready);
  }

  addresses(): readonly ListeningAddress[] {
    return this.#folders
      .filter((folder) => folder.ready)
      .map(({ options }) => ({ listener: options.name, address: options.folder, port: 0 }));
  }

  /** Files under way. */
  connectionsOf(listener: string): number {
    return this.#folders.find(({ options }) => options.name === listener)?.active ?? 0;
  }

  async close(drainMs: number): Promise<void> {
    await Promise.all(this.#folders.map((folder) => folder.close(drainMs)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close(0);
  }
}
