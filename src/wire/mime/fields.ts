/**
 * `Name: value` lines to values, for what others wrote: names in lower case, folded lines joined, the first of a name counts. What is no
 * field is passed over. Linear; at most `maxFields`.
 */
export function readFields(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  let name = "";
  let value = "";
  const keep = (): void => {
    if (name !== "" && !fields.has(name) && fields.size < maxFields) fields.set(name, value.trim());
    name = "";
  };
  for (const line of text.split("\n")) {
    if (line.startsWith(" ") || line.startsWith("\t")) {
      if (value.length < maxValue) value += ` ${line.slice(0, maxValue).trim()}`;
      continue;
    }
    keep();
    const colon = line.indexOf(":");
    if (colon < 1 || colon > maxName) continue;
    name = line.slice(0, colon).trim().toLowerCase();
    value = line.slice(colon + 1, colon + 1 + maxValue);
  }
  keep();
  return fields;
}

const maxFields = 1000;
const maxName = 100;
const maxValue = 4096;
