export function nameOf(segment: number): string {
  return `${String(segment).padStart(6, "0")}.seg`;
}

/** null when the file is not a segment. */
export function numberOf(name: string): number | null {
  const match = /^(\d{6,})\.seg$/.exec(name);
  return match === null ? null : Number(match[1]);
}
