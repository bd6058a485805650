import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, openSync, closeSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { programPath } from "./programs.ts";
import { until } from "./until.ts";

/** Zone text without its SOA and NS, which are added; names are relative. */
export interface LabZone {
  readonly name: string;
  readonly records: string;
  /** `bogus`: signed, then one record is changed behind the signature's back. */
  readonly kind: "signed" | "unsigned" | "bogus";
  /** For `bogus`: what is replaced in the signed file. */
  readonly forge?: readonly [from: string, to: string];
}

/** The programs that `DnssecLab.start` needs: Debian's bind9, bind9-utils and unbound. */
export const labPrograms = ["named", "dnssec-keygen", "dnssec-signzone", "unbound"] as const;

/**
 * Two programs that others wrote: BIND answers for the zones, Unbound validates them and says so by the AD bit. Everything on loopback, nothing
 * asks the internet.
 */
export class DnssecLab implements AsyncDisposable {
  /** Of the validating resolver. */
  readonly place: { readonly host: string; readonly port: number };
  readonly #children: readonly ChildProcess[];

  private constructor(port: number, children: readonly ChildProcess[]) {
    this.place = { host: "127.0.0.1", port };
    this.#children = children;
  }

  static async start(folder: string, zones: readonly LabZone[]): Promise<DnssecLab> {
    const [named, resolver] = [await freePort(), await freePort()];
    const files = zones.map((zone) => ({ zone, file: writeZone(folder, zone) }));
    const anchors = readdirSync(folder)
      .filter((name) => name.startsWith("K") && name.endsWith(".key"))
      .flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n"))
      .filter((line) => line.includes("DNSKEY 257"));
    writeFileSync(join(folder, "anchors.key"), `${anchors.join("\n")}\n`);
    writeFileSync(
      join(folder, "named.conf"),
      `options { directory "${folder}"; listen-on port ${named} { 127.0.0.1; }; listen-on-v6 { none; }; recursion no;
        pid-file "${folder}/named.pid"; session-keyfile "${folder}/session.key"; notify no; dnssec-validation no; };
      controls { };
      ${files.map(({ zone, file }) => `zone "${zone.name}" { type primary; file "${file}"; };`).join("\n")}`,
    );
    writeFileSync(
      join(folder, "unbound.conf"),
      `server:
        interface: 127.0.0.1@${resolver}
        port: ${resolver}
        username: ""
        chroot: ""
        directory: "${folder}"
        pidfile: "${folder}/unbound.pid"
        use-syslog: no
        do-not-query-localhost: no
        do-ip6: no
        module-config: "validator iterator"
        local-zone: "test." nodefault
        trust-anchor-file: "${folder}/anchors.key"
        ${zones
          .filter(({ kind }) => kind === "unsigned")
          .map(({ name }) => `domain-insecure: "${name}"`)
          .join("\n        ")}
      ${zones.map(({ name }) => `stub-zone:\n        name: "${name}"\n        stub-addr: 127.0.0.1@${named}`).join("\n      ")}
      remote-control:
        control-enable: no\n`,
    );
    const children = [
      run(folder, "named", ["-g", "-c", join(folder, "named.conf")]),
      run(folder, "unbound", ["-d", "-c", join(folder, "unbound.conf")]),
    ];
    const lab = new DnssecLab(resolver, children);
    try {
      const first = zones[0]?.name ?? "";
      await until("the lab answers", () => lab.#answers(folder, first), { everyMs: 50 });
      return lab;
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      await gone;
    }
  }

  #answers(folder: string, zone: string): boolean {
    const dead = this.#children.find(({ exitCode }) => exitCode !== null);
    if (dead !== undefined) throw new Error(`${dead.spawnfile} ended: ${readFileSync(join(folder, "named.log"), "utf8").slice(-2000)}`);
    try {
      const args = [`@127.0.0.1`, "-p", String(this.place.port), "+time=1", "+tries=1", "+short", "SOA", zone];
      return execFileSync("dig", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).includes("root.");
    } catch {
      return false;
    }
  }
}

function writeZone(folder: string, { name, records, kind, forge }: LabZone): string {
  const file = `${name}.zone`;
  writeFileSync(
    join(folder, file),
    `$ORIGIN ${name}.\n$TTL 300\n@ SOA ns.${name}. root.${name}. 1 3600 600 86400 60\n@ NS ns.${name}.\nns A 127.0.0.1\n${records}\n`,
  );
  if (kind === "unsigned") return file;
  const command = (program: string, ...args: readonly string[]) =>
    execFileSync(programPath(program) ?? program, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  command("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", name);
  command("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", name);
  command("dnssec-signzone", "-q", "-S", "-x", "-o", name, "-f", `${file}.signed`, file);
  if (kind === "bogus" && forge !== undefined) {
    const path = join(folder, `${file}.signed`);
    const signed = readFileSync(path, "utf8");
    if (!signed.includes(forge[0])) throw new Error(`${forge[0]} is not in ${path}`);
    writeFileSync(path, signed.replaceAll(forge[0], forge[1]));
  }
  return `${file}.signed`;
}

/** Its output goes to a file: a pipe that nobody reads would hold it up. */
function run(folder: string, program: string, args: readonly string[]): ChildProcess {
  chmodSync(folder, 0o755);
  const log = openSync(join(folder, `${program}.log`), "a");
  const child = spawn(programPath(program) ?? program, args, { stdio: ["ignore", log, log] });
  closeSync(log);
  return child;
}
