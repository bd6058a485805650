/**
 * Every port of a demo, in one place; each is moved by the same offset, so that several demos run side by side.
 */
export const gatewayPorts = {
  smtp: 2525,
  bounce: 2526,
  submission: 2587,
  submissions: 2465,
  api: 8080,
  apiTls: 8443,
  console: 8025,
} as const;

export const sandboxPorts = {
  mx: 10025,
  onPremises: 10026,
  internetMx: 10027,
  smtpAuth: 10587,
  hve: 10588,
  acsSmtp: 10589,
  sendgridSmtp: 10590,
  imap: 10993,
  pop: 10995,
  api: 10443,
  apiHttp: 10081,
  dns: 10053,
  ui: 8026,
} as const;

export const portOffset = { multipleOf: 100, most: 20_000 } as const;

export type GatewayPorts = Readonly<Record<keyof typeof gatewayPorts, number>>;
export type SandboxPorts = Readonly<Record<keyof typeof sandboxPorts, number>>;

export interface DemoPorts {
  readonly gateway: GatewayPorts;
  readonly sandbox: SandboxPorts;
}

/** All ports moved by `offset`; a text says why the offset will not do. */
export function demoPorts(offset: number): DemoPorts | string {
  if (!Number.isInteger(offset) || offset < 0) return `the port offset must be a whole number from 0 to ${portOffset.most}`;
  if (offset % portOffset.multipleOf !== 0) return `the port offset must be a multiple of ${portOffset.multipleOf}, ${offset} is not`;
  if (offset > portOffset.most) return `the port offset may be at most ${portOffset.most}, ${offset} is more`;
  return { gateway: moved(gatewayPorts, offset), sandbox: moved(sandboxPorts, offset) };
}

/** `gateway.smtp 2525` and so on: the names and numbers of every port. */
export function namedPorts(ports: DemoPorts): readonly { readonly name: string; readonly port: number }[] {
  return (["gateway", "sandbox"] as const).flatMap((side) =>
    Object.entries(ports[side]).map(([name, port]) => ({
      name: `${side}.${name}`,
      port: port,
    })),
  );
}

/**
 * Two offsets collide when a port of one demo is a port of the other. Ports of one demo keep their distances, so they never collide among
 * themselves while the table above holds each number once (ports.test.ts).
 */
export function offsetsCollide(a: number, b: number): { readonly port: number; readonly names: readonly [string, string] } | null {
  const [first, second] = [demoPorts(a), demoPorts(b)];
  if (typeof first === "string" || typeof second === "string") return null;
  const names = new Map(namedPorts(first).map(({ name, port }) => [port, name]));
  for (const { name, port } of namedPorts(second)) {
    const other = names.get(port);
    if (other !== undefined) return { port, names: [other, name] };
  }
  return null;
}

function moved<K extends string>(ports: Readonly<Record<K, number>>, offset: number): Readonly<Record<K, number>> {
  return Object.fromEntries(Object.entries<number>(ports).map(([name, port]) => [name, port + offset])) as Record<K, number>;
}
