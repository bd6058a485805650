import { resolve } from "node:path";
import { InvalidArgumentError, Option, type Command } from "commander";
import { parseDuration, parseSize } from "../lib/units.ts";

export const defaultDataDirectory = "./.postern";

export interface CommonOptions {
  readonly data: string;
  readonly json?: true;
}

/** `--data DIR`, which every command takes. */
export function withData(command: Command): Command {
  const option = new Option("--data <dir>", "data directory of the gateway or demo");
  return command.addOption(option.argParser((path: string) => resolve(path)).default(resolve(defaultDataDirectory), defaultDataDirectory));
}

/** `--json`, which every listing takes. */
export function withJson(command: Command): Command {
  return command.option("--json", "print JSON");
}

/** Examples at the end of a command's help, one a line: what to type, then what it does. */
export function withExamples(command: Command, examples: readonly (readonly [string, string])[]): Command {
  const width = Math.max(...examples.map(([line]) => line.length));
  return command.addHelpText("after", `\nExamples:\n${examples.map(([line, about]) => `  ${line.padEnd(width)}   ${about}`).join("\n")}`);
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`Must be a whole number from ${least} to ${most}.`);
    return value;
  };
}

export function duration(text: string): number {
  const value = parseDuration(text);
  if (value === null) throw new InvalidArgumentError("Write a number and a unit: 90s, 5m, 2h, 1d.");
  return value;
}

export function size(text: string): number {
  const value = parseSize(text);
  if (value === null) throw new InvalidArgumentError("Write a number and a unit: 64KB, 10MB.");
  return value;
}

export function repeated(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
