/** What a service lists in EHLO, where sandbox.yaml (`ehlo`) says it in place of ours: nobody has published these lists. */
export type EhloLists = Readonly<Record<string, readonly string[]>>;

/**
 * A word alone is shown with what the service itself says of it (`SIZE` with its size), one with parameters as it is written. STARTTLS and AUTH
 * are left out where the session does not offer them just then; whatever else is written is shown, though the service may not know it.
 */
export function chosenKeywords(chosen: readonly string[]): (offered: readonly string[]) => readonly string[] {
  return (offered) =>
    chosen.flatMap((line) => {
      const word = wordOf(line);
      const own = offered.find((keyword) => wordOf(keyword) === word);
      if (own === undefined) return word === "STARTTLS" || word === "AUTH" ? [] : [line];
      return [line === word ? own : line];
    });
}

function wordOf(line: string): string {
  return line.split(" ", 1)[0] ?? "";
}
