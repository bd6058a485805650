import type { Clock } from "../lib/clock.ts";
import type { ProbeResult } from "../routes/route.ts";
import type { Outlet } from "./outlet.ts";
import type { QueueLog } from "./queue-log.ts";

export interface ProberPorts {
  readonly clock: Clock;
  readonly log: QueueLog;
  /** Aborted when the queue is shut. */
  readonly stop: AbortSignal;
  /** A circuit has closed: work may go its way again. */
  readonly closed: () => void;
  readonly track: <T>(work: Promise<T>) => Promise<T>;
}

const timeoutMs = 60_000;

/** Tries ways whose circuit is open: when it is time, and when somebody asks, who may just have mended what was wrong. */
export class Prober {
  readonly #ports: ProberPorts;
  #closing = false;

  constructor(ports: ProberPorts) {
    this.#ports = ports;
  }

  /** At the time that the circuit says. */
  schedule(outlet: Outlet): void {
    outlet.probeTimer = this.#ports.clock.at(outlet.circuit.retryAt, () => {
      outlet.probeTimer = null;
      void this.#ports.track(this.#whenDue(outlet));
    });
  }

  cancel(outlet: Outlet): void {
    outlet.probeTimer?.[Symbol.dispose]();
    outlet.probeTimer = null;
  }

  /** Nothing is scheduled any more. */
  close(outlets: Iterable<Outlet>): void {
    this.#closing = true;
    for (const outlet of outlets) this.cancel(outlet);
  }

  /** Now, whatever the circuit's state. That it works ends the wait; that it does not changes nothing: who tries to mend it may ask often. */
  async now(outlet: Outlet, signal: AbortSignal): Promise<ProbeResult> {
    const result = await outlet.route.probe(AbortSignal.any([this.#ports.stop, signal]));
    if (!result.ok || this.#closing || !outlet.circuit.mended(this.#ports.clock.now())) return result;
    this.cancel(outlet);
    this.#note(outlet, result);
    this.#closed(outlet);
    return result;
  }

  async #whenDue(outlet: Outlet): Promise<void> {
    if (outlet.probing || this.#closing || outlet.circuit.state !== "open") return;
    outlet.probing = true;
    const result = await outlet.route.probe(AbortSignal.any([this.#ports.stop, AbortSignal.timeout(timeoutMs)]));
    outlet.probing = false;
    this.#note(outlet, result);
    // An operator may have paused or resumed it meanwhile.
    if (!outlet.circuit.probed(result.ok, this.#ports.clock.now()) || this.#closing) return;
    if (result.ok) this.#closed(outlet);
    else this.schedule(outlet);
  }

  #note(outlet: Outlet, { text }: ProbeResult): void {
    outlet.lastText = text;
    outlet.lastAt = this.#ports.clock.now();
  }

  #closed(outlet: Outlet): void {
    this.#ports.log.circuitClosed(outlet.route.name);
    this.#ports.closed();
  }
}
