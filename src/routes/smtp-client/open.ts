import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { type Dialer, DialFailed, secure } from "../../lib/dial.ts";
import { isLoopbackAddress } from "../../lib/private-address.ts";
import { failure } from "../../mail/failure-codes.ts";
import type { Failure } from "../../mail/failure.ts";
import { type Capabilities, noCapabilities, parseCapabilities } from "../../wire/smtp/client/capabilities.ts";
import type { DeliverySession } from "../route.ts";
import { authenticate } from "./authenticate.ts";
import { Channel } from "./channel.ts";
import { classifyReply } from "./classify.ts";
import { Handshake, OpenFailed, type OpenStep } from "./handshake.ts";
import type { Settings } from "./settings.ts";

export interface Opened {
  readonly channel: Channel;
  readonly offered: Capabilities;
  readonly session: DeliverySession;
}

/**
 * From nothing to a connection that takes MAIL: dial, TLS at once if implicit, greeting, EHLO, STARTTLS and EHLO again, AUTH.
 *
 * Throws OpenFailed, or the signal's reason. `plain` leaves out an opportunistic STARTTLS, after it has failed once. `onStep` hears of
 * each step that went well, for `probe`.
 */
export async function openConnection(
  settings: Settings,
  dialer: Dialer,
  plain: boolean,
  signal: AbortSignal,
  onStep?: (step: OpenStep, text: string) => void,
): Promise<Opened> {
  const dialled = await dialer
    .dial(
      {
        host: settings.host,
        port: settings.port,
        allowPrivate: settings.allowPrivate,
        timeoutMs: settings.timeouts.connectMs,
        ...(settings.localAddress === undefined ? {} : { localAddress: settings.localAddress }),
      },
      signal,
    )
    .catch((error: unknown) => {
      signal.throwIfAborted();
      throw new OpenFailed(isLookUp(error) ? "resolve" : "connect", dialFailure(error), error);
    });
  onStep?.("resolve", `${settings.host} is at ${dialled.address}`);
  onStep?.("connect", `connected to ${dialled.address} port ${dialled.socket.remotePort ?? settings.port}`);
  let socket = dialled.socket;
  if (settings.tls === "implicit") {
    socket = await startTls(settings, socket, signal);
    onStep?.("tls", describeTls(socket));
  }
  const channel = new Channel(socket);
  const handshake = new Handshake(channel);
  const onAbort = () => channel.fail({ why: "closed", text: "given up" });
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const { greetingMs } = settings.timeouts;
    const greeting = await handshake.ask(null, greetingMs);
    if (greeting.code !== 220) throw new OpenFailed("greeting", classifyReply("greeting", greeting, settings.replies));
    onStep?.("greeting", greeting.lines[0] ?? "");
    let offered = await sayHello(handshake, settings);
    onStep?.("hello", describe(offered));
    const startTlsOffered = offered.startTls;
    if (wantsStartTls(settings, offered, plain)) {
      offered = await upgrade(handshake, settings, signal);
      onStep?.("starttls", describeTls(channel.socket));
      onStep?.("hello", describe(offered));
    }
    if (settings.auth !== undefined) {
      handshake.step = "auth";
      requireSafeAuth(settings, channel, dialled.address);
      await authenticate(handshake, settings.auth, offered.auth, settings, signal);
      onStep?.("auth", `logged in as ${settings.auth.user}`);
    }
    handshake.requireAlive();
    return { channel, offered, session: describeSession(settings, dialled.address, channel, offered, startTlsOffered) };
  } catch (error) {
    channel[Symbol.dispose]();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function sayHello(handshake: Handshake, settings: Settings): Promise<Capabilities> {
  handshake.step = "hello";
  const { greetingMs } = settings.timeouts;
  const reply = await handshake.ask(`EHLO ${settings.helloName}`, greetingMs);
  if (reply.code === 250) return parseCapabilities(reply);
  if (reply.code < 500) throw new OpenFailed("hello", classifyReply("hello", reply, settings.replies));
  // RFC 5321 §3.2: a server that does not know EHLO is greeted with HELO.
  const older = await handshake.ask(`HELO ${settings.helloName}`, greetingMs);
  if (older.code !== 250) throw new OpenFailed("hello", classifyReply("hello", older, settings.replies));
  return { ...noCapabilities, name: older.lines[0]?.split(" ", 1)[0] ?? "" };
}

function wantsStartTls(settings: Settings, offered: Capabilities, plain: boolean): boolean {
  switch (settings.tls) {
    case "none":
    case "implicit":
      return false;
    case "opportunistic":
      return offered.startTls && !plain;
    case "required":
      if (!offered.startTls) throw new OpenFailed("starttls", settings.policy?.notOffered() ?? failure("route.tls-required"));
      return true;
  }
}

async function upgrade(handshake: Handshake, settings: Settings, signal: AbortSignal): Promise<Capabilities> {
  handshake.step = "starttls";
  const { channel } = handshake;
  const reply = await handshake.ask("STARTTLS", settings.timeouts.greetingMs);
  if (reply.code !== 220) throw new OpenFailed("starttls", classifyReply("starttls", reply, settings.replies));
  // RFC 3207 §4.2 and CVE-2011-0411: what came before the handshake came from anybody. There must be nothing.
  if (channel.over || channel.pending)
    throw new OpenFailed(
      "starttls",
      failure("route.tls-failed", { text: "Something was sent between STARTTLS and encryption: an attack or a broken server" }),
    );
  channel.replace(await startTls(settings, channel.detach(), signal));
  // RFC 3207 §4.2: nothing said before counts; EHLO again.
  return sayHello(handshake, settings);
}

async function startTls(settings: Settings, socket: Socket, signal: AbortSignal): Promise<TLSSocket> {
  const { policy } = settings;
  let secured: TLSSocket;
  try {
    secured = await secure(
      socket,
      {
        serverName: settings.serverName,
        verify: settings.tls !== "opportunistic" && policy?.judge === undefined,
        timeoutMs: settings.timeouts.connectMs,
        ...(settings.minTlsVersion === undefined ? {} : { minVersion: settings.minTlsVersion }),
        ...(settings.ca === undefined ? {} : { ca: settings.ca }),
        ...(settings.clientCertificate === undefined ? {} : { clientCertificate: settings.clientCertificate }),
      },
      signal,
    );
  } catch (error) {
    signal.throwIfAborted();
    const { message, cause } = error as Error;
    const code = (cause as NodeJS.ErrnoException | undefined)?.code;
    throw new OpenFailed("tls", policy?.mistrusted(code ?? "", message) ?? failure("route.tls-failed", { text: message }), error);
  }
  const misfit = policy?.judge?.(secured) ?? null;
  if (misfit === null) return secured;
  secured.destroy();
  socket.destroy();
  throw new OpenFailed("tls", misfit);
}

/** A password goes out only where nobody can read it on the way. */
function requireSafeAuth(settings: Settings, channel: Channel, address: string): void {
  if (channel.socket instanceof TLSSocket || settings.authWithoutTls || isLoopbackAddress(address)) return;
  throw new OpenFailed("auth", failure("route.tls-required", { text: "The connection is not encrypted, so the route does not log in" }));
}

function isLookUp(error: unknown): boolean {
  return error instanceof DialFailed && (error.reason === "no-such-host" || error.reason === "lookup");
}

function dialFailure(error: unknown): Failure {
  if (!(error instanceof DialFailed)) throw error;
  const text = error.message;
  switch (error.reason) {
    case "no-such-host":
      // The name is the route's, not the recipient's: nothing bounces because a smart host cannot be found.
      return failure("network.connect", { text: `The next hop's name is not known: ${text}` });
    case "lookup":
      return failure("dns.temporary", { scope: "route", text });
    case "blocked":
      return failure("network.blocked-address", { text });
    case "connect":
      return failure("network.connect", { text: `No connection to the next hop: ${text}` });
    case "timeout":
      return failure("network.timeout", { text });
    case "tls":
      return failure("route.tls-failed", { text });
  }
}

function describeSession(
  settings: Settings,
  address: string,
  { socket }: Channel,
  offered: Capabilities,
  startTlsOffered: boolean,
): DeliverySession {
  const session = {
    remote: `${settings.host}:${settings.port}`,
    address,
    ...(offered.dsn ? { dsn: true as const } : {}),
  };
  if (!(socket instanceof TLSSocket)) {
    const securityNote =
      settings.tls === "none"
        ? "the route does not encrypt"
        : startTlsOffered
          ? "encryption with the next hop failed before"
          : "the next hop does not offer it";
    return { ...session, security: "plain", securityNote };
  }
  const tls = { tls: tlsText(socket), verified: socket.authorized };
  const note = settings.securityNote === undefined ? {} : { securityNote: settings.securityNote };
  if (settings.policy !== undefined) return { ...session, ...tls, ...note, security: settings.policy.security };
  if (settings.tls !== "opportunistic") return { ...session, ...tls, security: "verified" };
  const securityNote = settings.securityNote ?? (socket.authorized ? "no policy demands it" : String(socket.authorizationError));
  return { ...session, ...tls, security: "opportunistic", securityNote };
}

function tlsText(socket: Socket): string {
  return socket instanceof TLSSocket ? `${socket.getProtocol() ?? "TLS"} ${socket.getCipher()?.standardName ?? ""}`.trim() : "";
}

/** Version, cipher, and whose certificate that is. */
function describeTls(socket: Socket): string {
  if (!(socket instanceof TLSSocket)) return "";
  const { subjectaltname, subject, issuer, valid_to: until } = socket.getPeerCertificate();
  // The peer wrote these: control characters and length are its choice.
  const shown = (text: string) => text.replace(/[^\x20-\x7e]/g, "?").slice(0, maxNames);
  const names = (subjectaltname ?? `CN:${String(subject?.CN ?? "")}`).replace(/\b(?:DNS|IP Address|CN):/g, "");
  const trust = socket.authorized ? "verified" : `not verified: ${String(socket.authorizationError ?? "no certificate")}`;
  return `${tlsText(socket)}; certificate of ${shown(names)} by ${shown(String(issuer?.O ?? issuer?.CN ?? "nobody"))}, until ${until ?? "?"}, ${trust}`;
}

const maxNames = 300;

function describe(offered: Capabilities): string {
  const names = [
    offered.pipelining && "PIPELINING",
    offered.size && (offered.maxSize === null ? "SIZE" : `SIZE ${offered.maxSize}`),
    offered.eightBitMime && "8BITMIME",
    offered.smtputf8 && "SMTPUTF8",
    offered.dsn && "DSN",
    offered.chunking && "CHUNKING",
    offered.startTls && "STARTTLS",
    offered.auth.length > 0 && `AUTH ${offered.auth.join(" ")}`,
  ];
  return `${offered.name} offers ${names.filter((name) => name !== false).join(", ") || "nothing"}`;
}
