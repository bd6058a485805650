// Refreshes the status page in place: the server renders, this swaps what changed. Nothing is built from text here.
const everyMs = 2000;
let busy = false;

async function refresh() {
  if (busy || document.hidden) return;
  busy = true;
  try {
    const response = await fetch(location.href, { headers: { accept: "text/html" }, signal: AbortSignal.timeout(10_000) });
    if (response.status === 401) return location.reload();
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("main");
    const main = document.getElementById("main");
    // Who is selecting text or standing on a link must not lose it.
    const inside = main.contains(document.activeElement) || !getSelection().isCollapsed;
    if (fresh !== null && !inside && fresh.innerHTML !== main.innerHTML) main.replaceChildren(...fresh.childNodes);
    document.body.classList.remove("stale");
  } catch {
    document.body.classList.add("stale");
  } finally {
    busy = false;
  }
}

setInterval(refresh, everyMs);
