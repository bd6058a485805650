import { generateKeyPairSync } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import type { GatewayConfig } from "../../config/config.ts";
import { isPrivateAddress } from "../../lib/private-address.ts";
import { CommandError } from "../exit-codes.ts";
import { printJson, printLines } from "../output.ts";
import { withExamples, withJson } from "../options.ts";

interface Options {
  readonly config: string;
  readonly json?: boolean;
  readonly newKey?: string;
  readonly algorithm: string;
  readonly selector?: string;
}

interface RecordView {
  readonly name: string;
  readonly type: "TXT" | "MX";
  readonly value: string;
  readonly state: "signs" | "waits for its day" | "its time is over" | "a newer key signs" | "new" | "bounces come back" | "bounces leave";
}

export default function define(command: Command): void {
  withJson(command)
    .argument("<domain>", "domain of the configuration")
    .option("-c, --config <file>", "configuration file", "postern.yaml")
    .option("--new-key <file>", "make a key for DKIM, write it to a new file, and print its record")
    .option("--algorithm <name>", "of the new key: rsa or ed25519", "rsa")
    .option("--selector <name>", "of the new key; default: postern and the day")
    .action(async (domain: string, options: Options) => await dns(domain.toLowerCase(), options));
  withExamples(command, [
    [
      "postern dns contoso.com -c postern.yaml",
      "the records that must stand in the DNS: keys of what it signs, MX and SPF of where bounces go",
    ],
    ["postern dns contoso.com --new-key dkim-2027.pem", "the next key: publish the record, add it with `from`, give the old one `until`"],
  ]);
}

async function dns(domain: string, options: Options): Promise<void> {
  const records = options.newKey === undefined ? await existing(domain, options) : [await made(domain, options, options.newKey)];
  if (options.json === true) return printJson(records);
  printLines(
    records.flatMap(({ name, type, value, state }) => [`; ${state}`, `${name}. ${type} ${type === "TXT" ? chunks(value) : value}`]),
  );
}

async function existing(domain: string, options: Options): Promise<readonly RecordView[]> {
  const [{ loadConfig }, { configFault }, { dkimKeys }, { keysFor }, { dkimRecord }] = await Promise.all([
    import("../../config/config.ts"),
    import("../config-fault.ts"),
    import("../../domains/dkim/dkim-keys.ts"),
    import("../../domains/dkim/dkim-signer.ts"),
    import("../../domains/dkim/dkim-record.ts"),
  ]);
  let config;
  try {
    ({ config } = loadConfig(resolve(options.config)));
  } catch (error) {
    throw configFault(error);
  }
  const keys = dkimKeys(config.domains).filter((key) => key.domain === domain);
  const bounces = bounceRecords(config, domain);
  if (keys.length + bounces.length === 0)
    throw new CommandError("config", `the configuration has neither keys nor bounces for ${domain}: add it to \`domains\``);
  const now = Date.now();
  const signing = new Set(keysFor(domain, keys, now));
  const signatures = keys.map(({ selector, key, from, until }, n) => ({
    name: `${selector}._domainkey.${domain}`,
    type: "TXT" as const,
    value: dkimRecord(key),
    state: signing.has(n)
      ? ("signs" as const)
      : (from ?? 0) > now
        ? ("waits for its day" as const)
        : (until ?? Infinity) <= now
          ? ("its time is over" as const)
          : ("a newer key signs" as const),
  }));
  return [...signatures, ...bounces];
}

/** What the bounce domain needs: a way back to us, and leave to be the reverse-path of what we send. */
function bounceRecords({ domains, hostname, routes }: GatewayConfig, domain: string): readonly RecordView[] {
  const bounces = domains.find(({ name }) => name === domain)?.bounces;
  if (bounces === undefined) return [];
  const own = routes.flatMap((route) => (route.kind === "mx" && route.localAddress !== undefined ? [route.localAddress] : []));
  const addresses = [...new Set(own)].filter((address) => !isPrivateAddress(address));
  const sources = [`a:${hostname}`, ...addresses.map((address) => `${address.includes(":") ? "ip6" : "ip4"}:${address}`)];
  return [
    { name: bounces.domain, type: "MX", value: `10 ${hostname}.`, state: "bounces come back" },
    // RFC 7208 §2.4: SPF is about the domain of the reverse-path, which is this one.
    { name: bounces.domain, type: "TXT", value: `v=spf1 ${sources.join(" ")} -all`, state: "bounces leave" },
  ];
}

async function made(domain: string, { algorithm, selector }: Options, path: string): Promise<RecordView> {
  if (algorithm !== "rsa" && algorithm !== "ed25519") throw new CommandError("usage", "--algorithm is rsa or ed25519");
  const file = resolve(path);
  if (existsSync(file)) throw new CommandError("cannotCreate", `${file} exists: a key is never overwritten`);
  const { dkimRecord } = await import("../../domains/dkim/dkim-record.ts");
  const { privateKey } = algorithm === "rsa" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  writeFileSync(file, pem, { mode: 0o600, flag: "wx" });
  const name = selector ?? `postern${new Date().toISOString().slice(0, 10).replaceAll("-", "")}${algorithm === "rsa" ? "" : "e"}`;
  return { name: `${name}._domainkey.${domain}`, type: "TXT", value: dkimRecord(pem), state: "new" };
}

/** RFC 1035 §3.3: strings of at most 255 octets. */
function chunks(value: string): string {
  return (value.match(/.{1,255}/g) ?? []).map((part) => `"${part}"`).join(" ");
}
