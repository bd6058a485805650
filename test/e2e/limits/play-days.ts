import assert from "node:assert/strict";
import { credentials } from "../../../src/sandbox/credentials.ts";
import type { SandboxMessage } from "../../../src/sandbox/messages/message.ts";
import { until } from "../../support/until.ts";
import { LimitsWorld, type Mail, type Throttled, type Values } from "./limits-world.ts";

/** How much is sent and what is allowed. A plan of SendGrid has 100 mails a day in any case. */
export interface Scale {
  readonly externalPerDay: number;
  readonly onmicrosoftPerDay: number;
  readonly mailboxPerDay: number;
  readonly hvePerDay: number;
  readonly acsPerHour: number;
  readonly acsPerMinute: number;
  readonly receivedPerHour: number;
  readonly receivedFromOnePerHour: number;
  /** For so many hours there is always something to send by ACS, and to the mailbox that receives. */
  readonly hours: number;
}

export interface Use {
  readonly limit: string;
  readonly used: number;
  readonly allowed: number;
  /** Most units that one kill -9 may cost: what was under way, and what the account writes ahead. */
  readonly atKill: number;
}

export interface Figures {
  readonly messages: number;
  readonly recipients: number;
  readonly playedHours: number;
  /** What was used of what was allowed, where there was enough to send. */
  readonly uses: readonly Use[];
  readonly kills: number;
  /** Refusals for a limit, by the sandbox: how often each, and the first. */
  readonly refusals: readonly string[];
  /** Messages that smtp.office365.com delayed. */
  readonly delayed: number;
  /** Recipients that were leased when the gateway was killed, and those of them that were not sent afterwards: they are in doubt. */
  readonly leasedAtKills: number;
  readonly inDoubt: number;
  /** Of the second day. */
  readonly learned: { readonly refusals: number; readonly share: number; readonly recoveredAfterMinutes: number };
  /** Stops of the clock. */
  readonly steps: number;
  readonly wallSeconds: number;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const pieceMs = 15 * minuteMs;
/** The receiver that many write to. */
const receiver = "ops@contoso.example";
const patience = { timeoutMs: 60_000, everyMs: 100 } as const;

/**
 * A day of mixed traffic at every limit, with kill -9 in between; then a day in which another sender of the tenant uses half of its external
 * recipients; then a day in which the rest goes out.
 */
export async function playDays(
  scale: Scale,
  { seed, tell }: { readonly seed: number; readonly tell: (text: string) => void },
): Promise<Figures> {
  const began = performance.now();
  const note = (what: string): void => tell(`${((performance.now() - began) / 1000).toFixed(1)} s: ${what}`);
  await using world = await LimitsWorld.open(valuesOf(scale), { limits: { lateMs: 5000, seed } });
  const start = await world.now();
  await trial(world, start);
  await world.send(firstDay(scale));
  note(`${world.accepted.size} recipients accepted`);

  // Killed while every route is busy, and once more when some have come to their limits.
  await world.killOnTheWayTo(start + 2 * minuteMs, 300);
  await play(world, start + 2 * minuteMs, start + hourMs);
  await world.killOnTheWayTo(start + hourMs + 2 * minuteMs, 100);
  await play(world, start + hourMs + 2 * minuteMs, start + dayMs);
  const uses = await usesOf(world, scale, start);
  note(`the first day: ${uses.map(({ limit, used, allowed }) => `${limit}: ${used} of ${allowed}`).join(", ")}`);
  const refused = refusals(await world.throttles());
  note(`refused: ${summary(refused).join("; ")}`);

  // What was left over goes out, then the other sender comes.
  const second = start + dayMs + 3 * hourMs;
  await play(world, start + dayMs, second);
  const foreign = Math.floor(scale.externalPerDay / 2);
  const own = await countExternal(world, second - dayMs, second);
  const answer = await world.sandbox.call("POST", "/api/usage", { service: "tenant", what: "external-recipients", units: foreign });
  assert.deepEqual(answer.body, { taken: foreign }, `own ${own}`);
  await world.send(secondDay(scale));
  await play(world, second, second + dayMs - minuteMs);
  const used = await countExternal(world, second + dayMs - minuteMs - dayMs, second + dayMs - minuteMs);
  const learned = refusals(await world.throttles()).slice(refused.length);
  note(`the second day: ${learned.length} refusals, ${used} of ${scale.externalPerDay - foreign} used`);
  const waitingThen = world.accepted.size - (await world.taken()).size;
  assert.ok(waitingThen > 0, "there was more to send than there was room for");

  // The other sender has gone; the rest goes out.
  await play(world, second + dayMs - minuteMs, second + 2 * dayMs + hourMs);
  const taken = await world.taken();
  note(`the end: ${taken.size} of ${world.accepted.size} were sent`);
  explain(world, taken);
  await settled(world);
  const all = refusals(await world.throttles());
  return {
    messages: (await world.sandbox.messages()).length,
    recipients: world.accepted.size,
    playedHours: Math.round(((await world.now()) - start) / hourMs),
    uses,
    kills: 2,
    refusals: summary([...refused, ...all.slice(refused.length + learned.length)]),
    delayed: (await world.throttles()).filter(({ reply }) => reply === null).length,
    leasedAtKills: world.leased.size,
    inDoubt: world.accepted.size - taken.size,
    learned: {
      refusals: learned.length,
      share: used / (scale.externalPerDay - foreign),
      recoveredAfterMinutes: await recovery(world, second + dayMs),
    },
    steps: world.steps,
    wallSeconds: Math.round((performance.now() - began) / 1000),
  };
}

function valuesOf(scale: Scale): Values {
  return {
    tenant: {
      "external-recipients": scale.externalPerDay,
      "onmicrosoft-external-recipients": scale.onmicrosoftPerDay,
      "received-per-hour": scale.receivedPerHour,
      "received-per-hour-from-one": scale.receivedFromOnePerHour,
    },
    "smtp-auth": { "recipients-per-day": scale.mailboxPerDay },
    hve: { "recipients-per-day": scale.hvePerDay },
    "acs-smtp": { "messages-per-hour": scale.acsPerHour, "messages-per-minute": scale.acsPerMinute },
  };
}

/** SendGrid without a plan: 100 mails a day. */
async function trial(world: LimitsWorld, now: number): Promise<void> {
  const trialSince = new Date(now).toISOString().slice(0, 10);
  assert.equal((await world.sandbox.call("PATCH", "/api/tenant/sendgrid", { trialSince })).status, 200);
}

/** A fifth more than may be sent. */
function firstDay(scale: Scale): readonly Mail[] {
  const more = (amount: number): number => Math.ceil(amount * 1.2);
  const senders = Math.ceil((scale.receivedPerHour / scale.receivedFromOnePerHour) * 1.5);
  return [
    // The mailboxes' are mostly for inside, so that they come to their limits whatever the tenant's is.
    ...stream("letter", "scanner@contoso.example", Math.ceil(scale.mailboxPerDay * 0.4), { together: 3 }),
    ...stream("inside", "scanner@contoso.example", 2 * scale.mailboxPerDay, { domain: "contoso.example", together: 3 }),
    ...stream("moeras", "app@contoso.onmicrosoft.example", more(scale.onmicrosoftPerDay)),
    ...stream("relays", "relay@contoso.example", scale.externalPerDay, { together: 2 }),
    ...stream("hvehve", credentials.hveAccount, more(scale.hvePerDay), { domain: "contoso.example", together: 3 }),
    ...stream("sendgr", "news@contoso.example", 120),
    ...stream("acsacs", credentials.acsSender, more(scale.acsPerHour * scale.hours)),
    ...Array.from({ length: more(scale.receivedPerHour * scale.hours) }, (_, n): Mail => {
      return { run: "alerts", n, from: `alert${n % senders}@contoso.example`, to: [receiver] };
    }),
  ];
}

function secondDay(scale: Scale): readonly Mail[] {
  const half = Math.ceil(scale.externalPerDay / 2);
  return [...stream("letwo2", "scanner@contoso.example", scale.mailboxPerDay), ...stream("relay2", "relay@contoso.example", half)];
}

/** Messages to so many recipients; every fifth is to several `together`, every fourth is bulk mail. */
function stream(
  run: string,
  from: string,
  recipients: number,
  { domain = "fabrikam.example", together = 1 }: { readonly domain?: string; readonly together?: number } = {},
): readonly Mail[] {
  const mails: Mail[] = [];
  for (let sent = 0, n = 0; sent < recipients; n++) {
    const to = Array.from({ length: n % 5 === 4 ? together : 1 }, (_, k) => `${run}${n}x${k}@${domain}`);
    mails.push({ run, n, from, to, bulk: n % 4 === 3 });
    sent += to.length;
  }
  return mails;
}

async function play(world: LimitsWorld, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += pieceMs) await world.playTo(Math.min(to, at + pieceMs));
}

const isExternal = (recipient: string): boolean => !recipient.endsWith("@contoso.example");
const by =
  (service: string, account?: string) =>
  (message: SandboxMessage, _recipient: string): boolean =>
    message.service === service && (account === undefined || message.account === account);
const countsForTenant = (message: SandboxMessage, recipient: string): boolean =>
  isExternal(recipient) && message.mailFrom !== "" && (message.service === "smtp-auth" || message.service === "tenant-mx");

async function countExternal(world: LimitsWorld, after: number, until_: number): Promise<number> {
  return (await world.moments(countsForTenant)).filter((at) => at > after && at <= until_).length;
}

/** By what the sandbox took, over whole windows from the beginning. */
async function usesOf(world: LimitsWorld, scale: Scale, start: number): Promise<readonly Use[]> {
  const use = async (
    limit: string,
    fits: Parameters<LimitsWorld["moments"]>[0],
    { amount, windowMs = dayMs, windows = 1, atKill }: { amount: number; windowMs?: number; windows?: number; atKill: number },
  ): Promise<Use> => {
    const moments = await world.moments(fits);
    const used = moments.filter((at) => at >= start && at < start + windowMs * windows).length;
    return { limit, used, allowed: amount * windows, atKill };
  };
  const toReceiver = (_message: SandboxMessage, recipient: string): boolean => recipient === receiver;
  const fromOnmicrosoft = ({ mailFrom }: SandboxMessage): boolean => mailFrom.endsWith(".onmicrosoft.example");
  /** Whole minutes in which a mailbox had enough to send: from the fourth to the last but one; the first kill is before, the others' after. */
  const paced = async (account: string): Promise<readonly Use[]> => {
    const moments = (await world.sandbox.messages())
      .filter((message) => by("smtp-auth", account)(message, ""))
      .map(({ receivedAt }) => Date.parse(receivedAt))
      .filter((at) => at < start + hourMs)
      .toSorted((a, b) => a - b);
    const from = start + 3 * minuteMs;
    const windows = Math.floor(((moments.at(-1) ?? 0) - from) / minuteMs) - 1;
    if (windows < 10) return [];
    const used = moments.filter((at) => at >= from && at < from + windows * minuteMs).length;
    return [{ limit: `${account}, messages in a minute`, used, allowed: 30 * windows, atKill: 0 }];
  };
  const chunk = (amount: number): number => Math.floor(amount / 500) * 3;
  const { externalPerDay, onmicrosoftPerDay, mailboxPerDay, hvePerDay, acsPerHour, receivedPerHour, hours } = scale;
  const hourly = { windowMs: hourMs, windows: hours };
  // Three connections, each with a message to three, of a mailbox; ten of the others.
  return [
    await use("tenant external recipients", countsForTenant, { amount: externalPerDay, atKill: 38 + chunk(externalPerDay) }),
    await use("onmicrosoft senders", fromOnmicrosoft, { amount: onmicrosoftPerDay, atKill: 10 }),
    await use("mailbox 1", by("smtp-auth", credentials.mailbox), { amount: mailboxPerDay, atKill: 9 + chunk(mailboxPerDay) }),
    await use("mailbox 2", by("smtp-auth", "reports@contoso.example"), { amount: mailboxPerDay, atKill: 9 + chunk(mailboxPerDay) }),
    ...(await paced(credentials.mailbox)),
    ...(await paced("reports@contoso.example")),
    await use("HVE", by("hve"), { amount: hvePerDay, atKill: 30 + chunk(hvePerDay) }),
    await use("SendGrid trial", by("sendgrid-smtp"), { amount: 100, atKill: 10 }),
    await use("ACS", by("acs-smtp"), { amount: acsPerHour, ...hourly, atKill: 10 }),
    // An account for each receiver assumes a twentieth more after a crash.
    await use("receiver", toReceiver, { amount: receivedPerHour, ...hourly, atKill: 10 + receivedPerHour / 20 }),
  ];
}

function refusals(throttles: readonly Throttled[]): readonly Throttled[] {
  return throttles.filter(({ reply }) => reply !== null);
}

function summary(throttles: readonly Throttled[]): readonly string[] {
  const byLimit = Map.groupBy(throttles, ({ service, limit, reply }) => `${service} ${limit}: ${(reply ?? "").slice(0, 60)}`);
  return [...byLimit].map(([what, list]) => `${list.length} times ${what}, first at ${list[0]?.time}`);
}

/** Each recipient was sent once; but for those that were under way when the gateway was killed: their answer is lost. */
function explain(world: LimitsWorld, taken: ReadonlyMap<string, number>): void {
  for (const key of world.accepted) {
    const times = taken.get(key) ?? 0;
    if (times === 1) continue;
    assert.ok(world.leased.has(key), `${key} was sent ${times} times, and not under way when the gateway was killed`);
    assert.ok(times <= 1 + 2, `${key} was sent ${times} times`);
  }
  for (const key of taken.keys()) assert.ok(world.accepted.has(key), `${key} was never given to the gateway`);
}

/** The sandbox has decided about every delivery: what it sends back later is refused, too. */
async function settled(world: LimitsWorld): Promise<void> {
  await until(
    "every delivery decided",
    async () =>
      (await world.sandbox.messages()).every(({ deliveries }) => deliveries?.every(({ status }) => status !== "queued") !== false),
    patience,
  );
  for (const { deliveries = [] } of await world.sandbox.messages())
    for (const { recipient, reason } of deliveries) assert.equal(reason, null, recipient);
}

/** Minutes from when the other sender's use has left the window to the next message that counts. */
async function recovery(world: LimitsWorld, freeAt: number): Promise<number> {
  const next = (await world.moments(countsForTenant)).find((at) => at >= freeAt);
  return next === undefined ? Infinity : (next - freeAt) / minuteMs;
}
