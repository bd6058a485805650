/**
 * What an exception in a transaction means. `full`: no space, roll back and go on; `broken`: the file cannot be trusted any more (I/O error,
 * failed sync, corruption), never go on; `call`: one call is at fault.
 */
export function classify(error: unknown): "full" | "broken" | "call" {
  const errcode = (error as { errcode?: unknown }).errcode;
  if (typeof errcode !== "number") return "call";
  // SQLITE_IOERR_SHMSIZE (19 << 8 | 10): the index of the WAL could not grow, for want of space as a rule.
  if ((errcode & 0xff) === 13 || errcode === 4874) return "full";
  // SQLITE_CONSTRAINT, _MISMATCH, _TOOBIG, _RANGE: what was asked is wrong, the file is sound.
  return [19, 20, 18, 25].includes(errcode & 0xff) ? "call" : "broken";
}

/** A row that exists already, or one that must not be as it is. */
export function isConstraint(error: unknown): boolean {
  return (((error as { errcode?: number }).errcode ?? 0) & 0xff) === 19;
}
