/**
 * A small, tolerant reader of one PowerShell command as documents print it: `New-MailUser -LOBAppAccount -Name "LOB App 1" …`. It knows
 * names, parameters, quotes, lists with commas, and hash tables and parentheses as one opaque value; it runs nothing.
 */
export interface Cmdlet {
  readonly name: string;
  /** By lower-case name; a switch has no values, a list several. */
  readonly parameters: ReadonlyMap<string, readonly string[]>;
  /** What was written between: positional. */
  readonly rest: readonly string[];
}

/** Nobody types more. */
const maxLength = 4000;

/** A text says why it cannot be read. */
export function parseCmdlet(text: string): Cmdlet | string {
  if (text.length > maxLength) return `That is longer than ${maxLength} characters.`;
  // A backtick at the end of a line continues it; a comment ends it.
  const tokens = tokenize(
    text
      .replace(/`\r?\n/g, " ")
      .replace(/(^|\s)#[^\n]*/g, "$1")
      .trim(),
  );
  if (typeof tokens === "string") return tokens;
  const [first, ...others] = tokens;
  if (first === undefined || !/^[A-Za-z]{2,30}-[A-Za-z]{2,60}$/.test(first.text)) return "Begin with a cmdlet, such as New-MailUser.";
  const parameters = new Map<string, readonly string[]>();
  const rest: string[] = [];
  let open: string | null = null;
  for (const { text: word, quoted } of others) {
    const switchWith = quoted ? null : /^[-–]([A-Za-z]\w*)(?::(.*))?$/.exec(word);
    if (switchWith !== null) {
      open = (switchWith[1] ?? "").toLowerCase();
      if (parameters.has(open)) return `-${switchWith[1] ?? ""} is given twice.`;
      parameters.set(open, switchWith[2] === undefined || switchWith[2] === "" ? [] : [switchWith[2]]);
    } else if (open === null) rest.push(word);
    else parameters.set(open, [...(parameters.get(open) ?? []), word]);
  }
  return { name: first.text, parameters, rest };
}

interface Token {
  readonly text: string;
  readonly quoted: boolean;
}

function tokenize(text: string): readonly Token[] | string {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at] ?? "";
    if (/[\s,]/.test(char)) {
      at++;
      continue;
    }
    if (char === ";" || char === "|") return `Only one command is read; leave out what comes behind ${char}`;
    if (isQuote(char)) {
      const end = closing(text, at);
      if (end < 0) return "A quote is not closed.";
      tokens.push({ text: text.slice(at + 1, end), quoted: true });
      at = end + 1;
      continue;
    }
    if (char === "(" || text.startsWith("@{", at) || text.startsWith("@(", at)) {
      const end = matching(text, text.indexOf(char === "(" ? "(" : (text[at + 1] ?? ""), at));
      if (end < 0) return "A parenthesis is not closed.";
      tokens.push({ text: text.slice(at, end + 1), quoted: true });
      at = end + 1;
      continue;
    }
    let end = at;
    while (end < text.length && !/[\s,;|]/.test(text[end] ?? "") && !isQuote(text[end] ?? "")) end++;
    tokens.push({ text: text.slice(at, end), quoted: false });
    at = end;
  }
  return tokens;
}

/** Documents print typographic quotes, and PowerShell takes them. */
function isQuote(char: string): boolean {
  return char !== "" && "\"'“”„‘’".includes(char);
}

function closing(text: string, at: number): number {
  const single = "'‘’".includes(text[at] ?? "");
  for (let end = at + 1; end < text.length; end++) {
    const char = text[end] ?? "";
    if (isQuote(char) && "'‘’".includes(char) === single) return end;
  }
  return -1;
}

function matching(text: string, open: number): number {
  const [left, right] = text[open] === "{" ? ["{", "}"] : ["(", ")"];
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === left) depth++;
    else if (text[at] === right && --depth === 0) return at;
  }
  return -1;
}
