/** The file of a thread of this folder, beside this one: `.ts` in a checkout, `.js` in a package. */
export function threadFile(name: "writer" | "reader" | "maintenance"): URL {
  return new URL(`./${name}/thread${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
}
