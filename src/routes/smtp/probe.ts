import type { Dialer } from "../../lib/dial.ts";
import type { Failure } from "../../mail/failure.ts";
import { replyText } from "../../mail/reply.ts";
import { isAscii, isSafePath } from "../../wire/smtp/client/commands.ts";
import type { ProbeResult } from "../route.ts";
import type { Channel } from "../smtp-client/channel.ts";
import { classifyReply } from "../smtp-client/classify.ts";
import { Handshake, OpenFailed } from "../smtp-client/handshake.ts";
import { openConnection } from "../smtp-client/open.ts";
import type { Settings } from "../smtp-client/settings.ts";

type Step = ProbeResult["steps"][number];

/**
 * Tries a next hop up to and with the log-in, and whether `sender` may be in MAIL FROM; no message. As the pool does: opportunistic
 * encryption that fails is done without.
 */
export async function probeNextHop(settings: Settings, dialer: Dialer, signal: AbortSignal, sender?: string): Promise<ProbeResult> {
  const steps: Step[] = [];
  const first = await probeOnce(settings, dialer, false, steps, signal, sender);
  if (first.ok || settings.tls !== "opportunistic" || steps.at(-1)?.name !== "tls") return first;
  return probeOnce(settings, dialer, true, steps, signal, sender);
}

async function probeOnce(
  settings: Settings,
  dialer: Dialer,
  plain: boolean,
  steps: Step[],
  signal: AbortSignal,
  sender: string | undefined,
): Promise<ProbeResult> {
  try {
    const { channel, session } = await openConnection(settings, dialer, plain, signal, (name, text) =>
      steps.push({ name, ok: true, text }),
    );
    if (sender !== undefined && isSafePath(sender) && isAscii(sender))
      steps.push({ name: "mail", ok: true, text: await trySender(channel, sender, settings, signal) });
    channel.quit();
    const how = session.tls === undefined ? "without encryption" : `over ${session.tls}`;
    return { ok: true, text: `${session.remote} takes mail ${how}`, steps };
  } catch (error) {
    const name = error instanceof OpenFailed ? error.step : "connect";
    const text = error instanceof OpenFailed ? describeFailure(error.failure) : "given up";
    steps.push({ name, ok: false, text });
    return { ok: false, text, steps, ...(error instanceof OpenFailed ? { failure: error.failure } : {}) };
  }
}

/** MAIL FROM, and RSET at once: nothing is sent, but a service that minds the sender there says so. @throws OpenFailed */
async function trySender(channel: Channel, sender: string, settings: Settings, signal: AbortSignal): Promise<string> {
  const handshake = new Handshake(channel);
  handshake.step = "mail";
  const onAbort = () => channel.fail({ why: "closed", text: "given up" });
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const reply = await handshake.ask(`MAIL FROM:<${sender}>`, settings.timeouts.commandMs);
    if (reply.code !== 250) throw new OpenFailed("mail", classifyReply("mail", reply, settings.replies));
    await handshake.ask("RSET", settings.timeouts.commandMs);
    return `${sender} may be in MAIL FROM: ${replyText(reply)}`;
  } catch (error) {
    channel[Symbol.dispose]();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function describeFailure({ text, reply, advice }: Failure): string {
  return [reply === undefined ? text : `${text}: ${replyText(reply)}`, ...(advice === undefined ? [] : [advice])].join(" — ");
}
