import type { Dialer } from "../../lib/dial.ts";
import { type Dns, DnsFailed } from "../../lib/dns/dns.ts";
import type { Failure } from "../../mail/failure.ts";
import { replyText } from "../../mail/reply.ts";
import type { ProbeResult } from "../route.ts";
import { OpenFailed } from "../smtp-client/handshake.ts";
import { openConnection } from "../smtp-client/open.ts";
import type { MxSettings } from "./options.ts";
import { findServers } from "./servers.ts";

export interface ProbeDeps {
  readonly dns: Dns;
  readonly dialer: Dialer;
  /** Of the organisation: their mail servers are the strangers that may be knocked at. */
  readonly domains: readonly string[];
  readonly ourNames: ReadonlySet<string>;
  readonly server: MxSettings["server"];
}

type Step = ProbeResult["steps"][number];

/**
 * There is no next hop to try, but what everything depends on: the name servers, and whether port 25 is open on the way out at all. One of the
 * organisation's own mail servers that answers shows that. A server that connects and then refuses is none of the route's trouble.
 */
export async function probeDirect(deps: ProbeDeps, signal: AbortSignal): Promise<ProbeResult> {
  const { dns, domains, server } = deps;
  const steps: Step[] = [];
  const asked = domains[0] ?? server.helloName;
  try {
    const { records } = await dns.mx(asked, signal);
    const found = `${records.length === 0 ? "no" : records.length} mail server${records.length === 1 ? "" : "s"}`;
    steps.push({ name: "dns", ok: true, text: `the name servers answer: ${asked} has ${found} of its own` });
  } catch (error) {
    const text = error instanceof DnsFailed ? error.message : "given up";
    return { ok: false, text, steps: [{ name: "dns", ok: false, text }] };
  }
  const tried: string[] = [];
  let worst: Failure | null = null;
  for (const host of await hostsOf(deps, signal)) {
    if (signal.aborted) break;
    const result = await knock(host, deps, steps, signal);
    const place = `${host} port ${server.port}`;
    if (result === "answers") return { ok: true, text: `mail can leave: ${place} answers`, steps };
    if (result === "unknown") continue;
    tried.push(place);
    worst ??= result;
  }
  if (worst === null)
    return { ok: true, text: `${steps[0]?.text ?? ""}; no mail server is known at which port ${server.port} could be tried`, steps };
  const text = `no mail can leave here: nothing answers at ${tried.join(", ")}`;
  // The last step says what to make of it, whatever came before.
  steps.push({ name: "connect", ok: false, text });
  return { ok: false, text, failure: worst, steps };
}

/** Servers of few domains: one that answers is enough. */
async function hostsOf({ dns, domains, ourNames }: ProbeDeps, signal: AbortSignal): Promise<readonly string[]> {
  const hosts = new Set<string>();
  for (const domain of domains.slice(0, maxDomains)) {
    const found = await findServers(domain, dns, ourNames, () => 0, signal).catch(() => null);
    if (found !== null && !("code" in found)) for (const host of found.hosts) hosts.add(host);
  }
  return [...hosts].slice(0, maxHosts);
}

/** Why it could not be connected to; whatever it says when it could is no matter. */
async function knock(
  host: string,
  { dialer, server }: ProbeDeps,
  steps: Step[],
  signal: AbortSignal,
): Promise<Failure | "answers" | "unknown"> {
  let connected = false;
  const timeouts = { ...server.timeouts, connectMs: timeoutMs, greetingMs: timeoutMs, commandMs: timeoutMs };
  try {
    const { channel } = await openConnection({ ...server, host, serverName: host, timeouts }, dialer, false, signal, (name, text) => {
      if (name === "connect") connected = true;
      steps.push({ name, ok: true, text });
    });
    channel.quit();
    return "answers";
  } catch (error) {
    if (!(error instanceof OpenFailed)) {
      if (signal.aborted) return "unknown";
      throw error;
    }
    const { text, reply } = error.failure;
    steps.push({ name: error.step, ok: false, text: reply === undefined ? text : `${text}: ${replyText(reply)}` });
    if (connected) return "answers";
    // A name without an address, or one of our own network, shows nothing.
    return error.step === "connect" && error.failure.code !== "network.blocked-address" ? error.failure : "unknown";
  }
}

const maxDomains = 2;
const maxHosts = 4;
const timeoutMs = 8000;
