import type { Sandbox } from "./sandbox.ts";

/** What `postern env --of sandbox` prints: the names of the services that exist, and no others. */
export function sandboxEnvironment(sandbox: Sandbox): Readonly<Record<string, string>> {
  const values: Record<string, string> = {
    SANDBOX_UI: `http://${authority(sandbox.address, sandbox.uiPort)}`,
    SANDBOX_PID: String(process.pid),
  };
  for (const { environmentName, port } of sandbox.services) values[environmentName] = authority(sandbox.address, port);
  return values;
}

function authority(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
