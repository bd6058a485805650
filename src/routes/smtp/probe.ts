import type { Dialer } from "../../lib/dial.ts";
import type { Failure } from "../../mail/failure.ts";
import { replyText } from "../../mail/reply.ts";
import type { ProbeResult } from "../route.ts";
import { OpenFailed } from "../smtp-client/handshake.ts";
import { openConnection } from "../smtp-client/open.ts";
import type { Settings } from "../smtp-client/settings.ts";

type Step = ProbeResult["steps"][number];

/** Tries a next hop up to and with the log-in; no message. As the pool does: opportunistic encryption that fails is done without. */
export async function probeNextHop(settings: Settings, dialer: Dialer, signal: AbortSignal): Promise<ProbeResult> {
  const steps: Step[] = [];
  const first = await probeOnce(settings, dialer, false, steps, signal);
  if (first.ok || settings.tls !== "opportunistic" || steps.at(-1)?.name !== "tls") return first;
  return probeOnce(settings, dialer, true, steps, signal);
}

async function probeOnce(settings: Settings, dialer: Dialer, plain: boolean, steps: Step[], signal: AbortSignal): Promise<ProbeResult> {
  try {
    const { channel, session } = await openConnection(settings, dialer, plain, signal, (name, text) =>
      steps.push({ name, ok: true, text }),
    );
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

function describeFailure({ text, reply, advice }: Failure): string {
  return [reply === undefined ? text : `${text}: ${replyText(reply)}`, ...(advice === undefined ? [] : [advice])].join(" — ");
}
