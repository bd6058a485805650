import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { readJsonFile } from "../lib/read-json-file.ts";
import { removeHalfWritten, replaceFile } from "../lib/replace-file.ts";
import { maxPins, type Pin } from "../routing/pins.ts";
import { pinsFile } from "./state-files.ts";

/** Operators' pins: in a file of the data directory, so that they outlive a restart; told to `changed` when they begin and end. */
export async function openPins(dataDirectory: string, clock: Clock, changed: (pins: readonly Pin[]) => void): Promise<PinBoard> {
  const path = join(dataDirectory, pinsFile);
  removeHalfWritten(path);
  return new PinBoard(path, await readPins(path), clock, changed);
}

export type NewPin = Omit<Pin, "id" | "at">;

export class PinBoard implements Disposable {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #changed: (pins: readonly Pin[]) => void;
  #pins: readonly Pin[];
  #timer: Disposable | null = null;
  /** Changes come one after another: each writes the whole file. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string, pins: readonly Pin[], clock: Clock, changed: (pins: readonly Pin[]) => void) {
    this.#path = path;
    this.#clock = clock;
    this.#changed = changed;
    this.#pins = pins.filter(({ until }) => until === undefined || until > clock.now());
    this.#arm();
  }

  /** Oldest first. */
  list(): readonly Pin[] {
    return this.#pins;
  }

  /** Resolves when it is durable and in force; null: there are too many. */
  add(given: NewPin): Promise<Pin | null> {
    return this.#inTurn(async () => {
      if (this.#pins.length >= maxPins) return null;
      const pin: Pin = { id: randomBytes(4).toString("hex"), at: this.#clock.now(), ...given };
      await this.#write([...this.#pins, pin]);
      return pin;
    });
  }

  /** Whether there was one. */
  remove(id: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const rest = this.#pins.filter((pin) => pin.id !== id);
      if (rest.length === this.#pins.length) return false;
      await this.#write(rest);
      return true;
    });
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #write(pins: readonly Pin[]): Promise<void> {
    await replaceFile(this.#path, `${JSON.stringify(pins, null, 2)}\n`);
    this.#use(pins);
  }

  #use(pins: readonly Pin[]): void {
    this.#pins = pins;
    this.#arm();
    this.#changed(pins);
  }

  /** The file keeps what has ended until the next change: it is left out when read. */
  #arm(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    const next = Math.min(...this.#pins.map(({ until }) => until ?? Infinity));
    if (next === Infinity) return;
    this.#timer = this.#clock.at(next, () => {
      const now = this.#clock.now();
      this.#use(this.#pins.filter(({ until }) => until === undefined || until > now));
    });
  }
}

/** @throws Error when the file is there and cannot be understood: a pin that is silently lost would send mail another way. */
async function readPins(path: string): Promise<readonly Pin[]> {
  const pins = await readJsonFile(path);
  if (pins === undefined) return [];
  if (!Array.isArray(pins) || !pins.every((pin) => isPin(pin)))
    throw new Error(`${path} does not hold pins; remove it to start without any`);
  return pins;
}

function isPin(value: unknown): value is Pin {
  if (typeof value !== "object" || value === null) return false;
  const { id, route, by, at, message, principal, from, to, until } = value as Record<string, unknown>;
  const text = (each: unknown): boolean => each === undefined || typeof each === "string";
  return (
    typeof id === "string" &&
    typeof route === "string" &&
    typeof by === "string" &&
    typeof at === "number" &&
    (message === undefined || Number.isSafeInteger(message)) &&
    (until === undefined || typeof until === "number") &&
    text(principal) &&
    text(from) &&
    text(to)
  );
}
