/** The facts of the ways out that an operator cares about; the composition root writes them to log and metrics. Must not throw or block. */
export interface RouteLog {
  /** `tls` as DeliverySession has it; empty without. */
  connected(route: string, remote: string, address: string, tls: string): void;
  /** No connection, or one that could not be made ready; `step` says how far it came, `code` is a failure code. */
  connectFailed(route: string, remote: string, step: string, code: string, text: string): void;
  connectionLost(route: string, remote: string, text: string): void;
  /** Opportunistic encryption failed: the route goes on without for a while. */
  tlsGivenUp(route: string, remote: string, text: string): void;
  writeFailed(route: string, folder: string, text: string): void;
  /** A bug. */
  fault(where: string, error: unknown): void;
}

/** Tells nobody. */
export const silentRouteLog: RouteLog = {
  connected: () => undefined,
  connectFailed: () => undefined,
  connectionLost: () => undefined,
  tlsGivenUp: () => undefined,
  writeFailed: () => undefined,
  fault: () => undefined,
};
