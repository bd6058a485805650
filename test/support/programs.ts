import { execFileSync, spawnSync } from "node:child_process";

/**
 * For `skip:` of a test that needs a program of the machine: false when it is there, else the reason.
 * Where CI=true a missing program is an error: there everything is installed, and a skip would hide a hole.
 */
export function skipUnless(...programs: readonly string[]): string | false {
  const missing = programs.filter((program) => !hasProgram(program));
  if (missing.length === 0) return false;
  const reason = `not installed: ${missing.join(", ")}`;
  if (process.env["CI"] === "true") throw new Error(reason);
  return reason;
}

/** Also looks where Debian keeps daemons' programs, which are not on everybody's PATH. */
export function hasProgram(name: string): boolean {
  return programPath(name) !== null;
}

/** The program's path; null when it is not installed. */
export function programPath(name: string): string | null {
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin:/usr/lib/postfix/sbin`;
  try {
    return execFileSync("/bin/sh", ["-c", 'command -v -- "$1"', "sh", name], {
      env: { ...process.env, PATH: path },
      encoding: "utf8",
    }).trim();
  } catch {
    return null;
  }
}

/** As `skipUnless("swaks")`; Debian's speaks TLS only when libnet-ssleay-perl is there too. */
export function skipUnlessSwaksTls(): string | false {
  const reason = skipUnless("swaks");
  if (reason !== false || spawnSync("swaks", ["--support"], { encoding: "utf8" }).stdout.includes("TLS supported")) return reason;
  if (process.env["CI"] === "true") throw new Error("swaks without TLS");
  return "swaks without libnet-ssleay-perl speaks no TLS";
}
