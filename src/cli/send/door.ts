import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { StatusView } from "../../admin/contract.ts";
import { openControl } from "../control.ts";
import { readDemoFacts } from "../demo/demo-files.ts";
import { CommandError } from "../exit-codes.ts";

/** How to reach one of the running gateway's SMTP listeners. */
export interface Door {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte. */
  readonly implicitTls: boolean;
  readonly starttls: boolean;
  readonly user?: string;
  readonly password?: string;
  readonly ca?: string;
}

export interface DoorOptions {
  readonly data: string;
  readonly via: "relay" | "submission" | "submissions";
  readonly user?: string;
  /** Name of the environment variable with the password. */
  readonly passwordEnv?: string;
}

export async function findDoor({ data, via, user, passwordEnv }: DoorOptions): Promise<Door> {
  const status = await openControl(data).get<StatusView>("/api/status");
  const listener = status.listeners.find((each) => each.kind === via && each.ready);
  if (listener === undefined) throw new CommandError("unavailable", `this gateway has no ${via} listener that is up`);
  const host = listener.address === "0.0.0.0" ? "127.0.0.1" : listener.address === "::" ? "::1" : listener.address;
  const place = { host, port: listener.port };
  if (via === "relay") return { ...place, implicitTls: false, starttls: false };
  const demo = readDemoFacts(data);
  const password = passwordEnv === undefined ? demo?.password : process.env[passwordEnv];
  const name = user ?? demo?.user;
  if (name === undefined || password === undefined)
    throw new CommandError("usage", `${via} needs a log-in: say --user, and --password-env with the name of an environment variable`);
  const ca = join(data, "ca.pem");
  return {
    ...place,
    implicitTls: via === "submissions",
    starttls: via === "submission",
    user: name,
    password,
    ...(existsSync(ca) ? { ca: readFileSync(ca, "utf8") } : {}),
  };
}
