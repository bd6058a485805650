/**
 * What replaces the tags of a personalization in a text. All tags are looked for at once, the longest first, so that nothing is replaced in what
 * came from a value.
 *
 * Time: the text's length times the longest tag's at worst (read-personalizations.ts bounds tags).
 */
export function createSubstitution(substitutions: ReadonlyMap<string, string>): (text: string) => string {
  if (substitutions.size === 0) return (text) => text;
  const tags = [...substitutions.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(tags.map((tag) => escape(tag)).join("|"), "g");
  return (text) => text.replace(pattern, (tag) => substitutions.get(tag) ?? "");
}

function escape(tag: string): string {
  return tag.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
