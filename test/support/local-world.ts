import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { GatewayProcess, type GatewayPlace } from "./gateway-process.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { until } from "./until.ts";

/** What a message came to: its envelope, and its content as it would go out. */
export interface Arrived {
  readonly reversePath: string | null;
  readonly recipients: readonly { readonly address: string; readonly notify?: unknown }[];
  readonly envid?: string;
  readonly ret?: string;
  readonly content: string;
}

/** A gateway process with doors for programs of this machine, which writes what it relays into files. */
export class LocalWorld implements AsyncDisposable {
  readonly #folder = temporaryFolder();
  readonly place: GatewayPlace;
  gateway: GatewayProcess | null = null;

  private constructor(more: string, folders: readonly string[], port: number) {
    const { path } = this.#folder;
    for (const name of folders) mkdirSync(join(path, name));
    const config = join(path, "postern.yaml");
    mkdirSync(join(path, "data"), { mode: 0o700 });
    writeFileSync(
      config,
      `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, port: ${port} }]
networks: [{ name: loopback, addresses: [127.0.0.0/8], reversePaths: ["@contoso.example"] }]
principals:
  - { name: local, reversePaths: ["@contoso.example", "<>"], authors: ["@contoso.example"], recipients: ["@fabrikam.example", "@contoso.example"], maxMessageSize: 5MB }
routes: [{ name: files, kind: sink, folder: out }]
routing: { acceptedDomains: [contoso.example], rules: [{ name: all, routes: [files] }] }
queue: { freeSpaceReserve: 1MB }
http: { console: { enabled: false } }
${more}`,
    );
    this.place = { folder: path, data: join(path, "data"), config, port };
  }

  /** @param more the rest of the configuration; paths in it are relative to the world's folder. `folders` are made there */
  static async open(more: string, folders: readonly string[] = []): Promise<LocalWorld> {
    const world = new LocalWorld(more, folders, await freePort());
    await world.start();
    return world;
  }

  async start(): Promise<GatewayProcess> {
    return (this.gateway = await GatewayProcess.ready(this.place));
  }

  path(name: string): string {
    return join(this.place.folder, name);
  }

  /** All that has arrived, in the order of acceptance. */
  arrived(): readonly Arrived[] {
    const out = this.path("out");
    return (
      names(out)
        // The envelope is written first.
        .filter((name) => name.endsWith(".eml"))
        .sort()
        .map((name) => ({
          ...(JSON.parse(readFileSync(join(out, name.replace(/eml$/, "json")), "utf8")) as Omit<Arrived, "content">),
          content: readFileSync(join(out, name), "utf8"),
        }))
    );
  }

  /** Waits for so many messages; gives the last. */
  async message(count: number): Promise<Arrived> {
    return await until(`${count} messages`, () => (this.arrived().length >= count ? this.arrived()[count - 1] : null));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway?.[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
