/**
 * The rows of the result: which are measured for each part of a run, and from what.
 */
import { goals, type Goal, type Row } from "./goals.ts";
import { measureAccept, type AcceptCell, type AcceptRound } from "./measures/accept.ts";
import { heapAfterDay, measureAdmissions, publishedRules, receiverDay, type AdmissionRates } from "./measures/limits.ts";
import { measureForecast } from "./measures/forecast.ts";
import { measureBacklog } from "./measures/backlog.ts";
import { compare, mostNoise, type Turn } from "./measures/comparison.ts";
import { openDns } from "./load/dns.ts";
import { measureRelay, type RelayRound } from "./measures/relay.ts";
import type { Peer } from "./peers/peer.ts";
import { Postern } from "./peers/postern.ts";
import { openPostfix } from "./peers/postfix.ts";
import type { Setting } from "./setting.ts";
import { ratioOf, spreadOf } from "./statistics.ts";

export const parts = ["accept", "connections", "large", "relay", "signed", "million", "limits", "forecast"] as const;
export type Part = (typeof parts)[number];

/** The ledger and forecasts are measured alone. */
export function needsPeers(wanted: ReadonlySet<Part>): boolean {
  return [...wanted].some((part) => part !== "limits" && part !== "forecast");
}

const kilobyte = 1024;
const megabyte = 1024 * kilobyte;

const acceptCells: readonly (AcceptCell & { readonly part: Part; readonly goal: Goal })[] = [
  { part: "accept", bytes: 4 * kilobyte, sessions: 50, kept: true, goal: goals.acceptKept },
  { part: "accept", bytes: 4 * kilobyte, sessions: 1, kept: true, goal: goals.acceptOneSession },
  { part: "connections", bytes: 4 * kilobyte, sessions: 10, kept: false, goal: goals.acceptNewConnections },
  { part: "connections", bytes: 4 * kilobyte, sessions: 50, kept: false, goal: goals.acceptNewConnections },
  { part: "connections", bytes: 4 * kilobyte, sessions: 100, kept: false, goal: goals.acceptNewConnections },
  { part: "large", bytes: 100 * kilobyte, sessions: 10, kept: true, goal: goals.accept100KB },
  { part: "large", bytes: 100 * kilobyte, sessions: 50, kept: true, goal: goals.accept100KB },
  { part: "large", bytes: megabyte, sessions: 10, kept: true, goal: goals.accept1MB },
  { part: "large", bytes: megabyte, sessions: 50, kept: true, goal: goals.accept1MB },
];

/** Measures the parts asked for; each row is told as soon as it is known. */
export async function* measure(wanted: ReadonlySet<Part>, setting: Setting): AsyncGenerator<Row> {
  if (wanted.has("limits")) yield* limitsRows(setting);
  if (wanted.has("forecast")) yield* forecastRows(setting);
  if (!needsPeers(wanted)) return;
  const { folder, signal } = setting;
  await using postern = await Postern.open("postern", { folder, signal, keepSpool: false });
  await using postfix = await openPostfix({ folder, signal });
  const peers: readonly [Peer, Peer] = [postern, postfix];
  setting.progress(`processor time by ${postern.group.accounting}, queues in ${folder}`);
  const cells = acceptCells.filter(({ part }) => wanted.has(part));
  if (cells.length > 0) {
    for (const peer of peers) await peer.start({ kind: "held" });
    for (const { goal, ...cell } of cells) yield await acceptRow(peers, cell, goal, setting);
    for (const peer of peers) await peer.stop();
  }
  if (wanted.has("relay")) yield* relayRows(peers, setting);
  if (wanted.has("relay")) yield* limitedRows(setting);
  if (wanted.has("signed")) yield* signedRows(peers, setting);
  if (wanted.has("million")) yield* backlogRows(setting);
}

async function* limitsRows(setting: Setting): AsyncGenerator<Row> {
  const { rounds, signal } = setting;
  for (const receivers of [100, 10_000]) {
    const what = `limits: admissions with 20 rules, ${receivers.toLocaleString("en")} receivers`;
    setting.progress(what);
    const rates: AdmissionRates[] = [];
    for (let round = 0; round < rounds && !signal.aborted; round++) rates.push(await measureAdmissions(500_000, receivers));
    const admissions = spreadOf(rates.map((rate) => rate.admissions));
    yield { what, unit: "admissions/s", postern: admissions, goal: goals.admissions, remarks: [] };
    const withSettlements = spreadOf(rates.map((rate) => rate.withSettlements));
    yield { what: "· each with its settlement", unit: "admissions/s", postern: withSettlements, goal: goals.admissions, remarks: [] };
  }
  const day = "limits: memory of a day, 1,000,000 recipients, 10,000 receivers";
  for (const [what, rules] of [
    [day, publishedRules],
    [`${day}, each remembered for the day`, [...publishedRules, receiverDay]],
  ] as const) {
    setting.progress(what);
    const bytes = await heapAfterDay(1_000_000, 10_000, rules);
    yield { what, unit: "MB", postern: spreadOf([bytes / megabyte]), goal: goals.limitsMemoryMB, remarks: [] };
  }
}

async function* forecastRows(setting: Setting): AsyncGenerator<Row> {
  const { rounds, signal } = setting;
  const what = "forecast: 1,000,000 recipients over 10 routes";
  setting.progress(what);
  const seconds: number[] = [];
  for (let round = 0; round < rounds && !signal.aborted; round++) seconds.push(await measureForecast(1_000_000, signal));
  yield { what, unit: "s", postern: spreadOf(seconds), goal: goals.forecastSeconds, remarks: [] };
}

async function acceptRow(peers: readonly [Peer, Peer], cell: AcceptCell, goal: Goal, setting: Setting): Promise<Row> {
  const connections = cell.kept
    ? `${cell.sessions} ${cell.sessions === 1 ? "session" : "sessions"}`
    : `a connection each, ${cell.sessions} sessions`;
  const what = `accept ${sizeText(cell.bytes)}, ${connections}`;
  setting.progress(what);
  const [ours, theirs] = await measureAccept(peers, cell, setting);
  return { what, unit: "messages/s", ...compare(ours, theirs, ({ perSecond }) => perSecond), goal, remarks: remarks([...ours, ...theirs]) };
}

async function* relayRows(peers: readonly [Peer, Peer], setting: Setting): AsyncGenerator<Row> {
  const [messages, fewer] = [setting.relayMessages, Math.ceil(setting.relayMessages / 5)];
  const what = `relay end to end ${messages} × 4 KB, 50 sessions`;
  setting.progress(what);
  const [ours, theirs] = await measureRelay(peers, { messages, bytes: 4 * kilobyte, sessions: 50 }, setting);
  const all = remarks([...ours, ...theirs]);
  yield { what, unit: "messages/s", ...compare(ours, theirs, ({ perSecond }) => perSecond), goal: goals.relay, remarks: all };
  yield {
    what: "· CPU for 1,000 messages",
    unit: "s",
    ...compare(ours, theirs, ({ cpuSecondsPer1000 }) => cpuSecondsPer1000),
    goal: goals.cpuSecondsPer1000,
    remarks: [],
  };
  yield { what: "· memory (PSS)", unit: "MB", ...compare(ours, theirs, ({ peakPssBytes }) => peakPssBytes / megabyte), remarks: [] };
  const large = `relay end to end ${fewer} × 100 KB, 50 sessions`;
  setting.progress(large);
  const [oursLarge, theirsLarge] = await measureRelay(peers, { messages: fewer, bytes: 100 * kilobyte, sessions: 50 }, setting);
  yield {
    what: large,
    unit: "messages/s",
    ...compare(oursLarge, theirsLarge, ({ perSecond }) => perSecond),
    remarks: remarks([...oursLarge, ...theirsLarge]),
  };
}

/** Postern with twenty limits that never bind, beside itself without any. */
async function* limitedRows(setting: Setting): AsyncGenerator<Row> {
  const { folder, signal } = setting;
  await using limited = await Postern.open("limited", { folder, signal, keepSpool: false, limits: 20 });
  await using free = await Postern.open("unlimited", { folder, signal, keepSpool: false, limits: 0 });
  const what = `relay end to end ${setting.relayMessages} × 4 KB, 20 limits in force, ratio to none`;
  setting.progress(what);
  const cell = { messages: setting.relayMessages, bytes: 4 * kilobyte, sessions: 50 };
  const rounds = await measureRelay([limited, free], cell, setting);
  const figures = (figure: (round: RelayRound) => number) => rounds.map((turns) => turns.map(figure)) as [number[], number[]];
  const rates = figures(({ perSecond }) => perSecond);
  yield {
    what,
    unit: "messages/s",
    postern: spreadOf(rates[0]),
    ratio: ratioOf(...rates),
    goal: goals.relayWithLimits,
    remarks: remarks(rounds.flat()),
  };
  const cpu = figures(({ cpuSecondsPer1000 }) => cpuSecondsPer1000);
  yield { what: "· CPU for 1,000 messages, ratio to none", unit: "s", postern: spreadOf(cpu[0]), ratio: ratioOf(...cpu), remarks: [] };
}

/** Postern signs each message and finds the way by DNS; Postfix relays as it does without. */
async function* signedRows(peers: readonly [Peer, Peer], setting: Setting): AsyncGenerator<Row> {
  const what = `relay directly to MX, each signed (RSA-2048), ${setting.relayMessages} × 4 KB, 50 sessions`;
  setting.progress(what);
  await using dns = await openDns();
  const cell = { messages: setting.relayMessages, bytes: 4 * kilobyte, sessions: 50, signedBy: dns.port };
  const [ours, theirs] = await measureRelay(peers, cell, setting);
  const all = remarks([...ours, ...theirs]);
  yield { what, unit: "messages/s", ...compare(ours, theirs, ({ perSecond }) => perSecond), goal: goals.relaySigned, remarks: all };
  yield {
    what: "· CPU for 1,000 messages, signed",
    unit: "s",
    ...compare(ours, theirs, ({ cpuSecondsPer1000 }) => cpuSecondsPer1000),
    remarks: [],
  };
}

async function* backlogRows(setting: Setting): AsyncGenerator<Row> {
  setting.progress("a long queue");
  const { dispatch, accept, coldListeningSeconds } = await measureBacklog(setting);
  const [large, small] = dispatch;
  const queue = `${setting.backlog.toLocaleString("en")} queued`;
  const row = (what: string, unit: Row["unit"], values: readonly number[], goal?: Goal): Row => ({
    what,
    unit,
    postern: spreadOf(values),
    ...(goal === undefined ? {} : { goal }),
    remarks: [],
  });
  yield row(
    `${queue}: memory (highest resident size)`,
    "MB",
    large.map(({ peakResidentBytes }) => peakResidentBytes / megabyte),
    goals.memoryMB,
  );
  yield row(
    "· memory of a short queue",
    "MB",
    small.map(({ peakResidentBytes }) => peakResidentBytes / megabyte),
  );
  yield row(
    `${queue}: start to listening`,
    "s",
    large.map(({ listeningSeconds }) => listeningSeconds),
    goals.startSeconds,
  );
  yield row(
    "· start to first dispatch",
    "s",
    large.map(({ firstDispatchSeconds }) => firstDispatchSeconds),
    goals.startSeconds,
  );
  yield row(
    "· start to listening, short queue",
    "s",
    small.map(({ listeningSeconds }) => listeningSeconds),
  );
  yield row("· start to listening, nothing in the page cache", "s", [coldListeningSeconds]);
  const rates = [large, small].map((rounds) => rounds.map(({ perSecond }) => perSecond)) as [number[], number[]];
  yield {
    ...row(`${queue}: dispatch, ratio to a short queue`, "messages/s", rates[0], goals.dispatchBesideBacklog),
    ratio: ratioOf(...rates),
    remarks: remarks([...large, ...small]),
  };
  const taken = accept.map((rounds) => rounds.map(({ perSecond }) => perSecond)) as [number[], number[]];
  yield {
    ...row(`${queue}: accept 4 KB, ratio to an empty queue`, "messages/s", taken[0]),
    ratio: ratioOf(...taken),
    remarks: remarks(accept.flat()),
  };
}

function remarks(rounds: readonly (Turn & Partial<Pick<AcceptRound, "surplus">> & Partial<RelayRound>)[]): string[] {
  const noise = spreadOf(rounds.map(({ noise }) => noise));
  const sum = (figure: (round: (typeof rounds)[number]) => number | undefined): number =>
    rounds.reduce((total, round) => total + (figure(round) ?? 0), 0);
  const found: string[] = [];
  if (noise.max > mostNoise)
    found.push(`others used ${percent(noise.median)} (${percent(noise.min)}–${percent(noise.max)}) of the machine`);
  if (rounds.some(({ surplus }) => surplus !== undefined && surplus !== 0)) found.push("THE QUEUE DID NOT HOLD WHAT WAS ACCEPTED");
  if (sum(({ missing }) => missing) > 0) found.push(`ONLY: ${sum(({ missing }) => missing)} messages never came`);
  if (sum(({ duplicates }) => duplicates) > 0) found.push(`${sum(({ duplicates }) => duplicates)} DUPLICATES`);
  return found;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function sizeText(bytes: number): string {
  return bytes >= megabyte ? `${bytes / megabyte} MB` : `${bytes / kilobyte} KB`;
}
