import { ConfigError } from "../config/fault.ts";
import { CommandError } from "./exit-codes.ts";

/** How a command ends whose configuration file is faulty (78), or is not there (66). Anything else passes through. */
export function configFault(error: unknown): unknown {
  if (!(error instanceof ConfigError)) return error;
  const [first] = error.faults;
  const unreadable = error.faults.length === 1 && first?.line === 0;
  return new CommandError(unreadable ? "noInput" : "config", unreadable ? `${first.file} ${first.text}` : error.message, { cause: error });
}
