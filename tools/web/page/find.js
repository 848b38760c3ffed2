// Find: entries by number, seal_id, session, verdict, authority and time, a page at a time. The query is in the
// address.
import { ApiError, get } from "./api.js";
import { field, fill, form, h, heading, input, notice, VERDICTS } from "./dom.js";
import { tape } from "./entry.js";

const PAGE = 25;
const SCANS_MAX = 20;  // short pages read in a row before the reader is asked whether to continue
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const instant = (text) => (text ? `${text.length === 16 ? `${text}:00` : text.slice(0, 19)}.000000Z` : "");

function ask(asked) {
  const text = (name, label, more) => field(label, input(name, { value: asked[name], ...more }));
  return form((given) => { location.hash = `#/find?${new URLSearchParams(given)}`; }, { role: "search" },
    text("q", "Number, seal_id or session", { class: "wide", type: "search" }),
    field("Verdict", h("select", { name: "verdict" }, h("option", { value: "" }, "any"),
      VERDICTS.map((verdict) => h("option", { selected: asked.verdict === verdict }, verdict)))),
    text("authority", "Authority"), text("from", "From (UTC)", { type: "datetime-local", step: 1 }),
    text("to", "Before (UTC)", { type: "datetime-local", step: 1 }), h("button", {}, "Find"));
}

async function exactly(q, signal) {
  const route = /^[1-9][0-9]{0,15}$/.test(q) ? "entries" : UUID.test(q) ? "seals" : null;
  return route && (await get(`${route}/${q}`, {}, signal)).entry;
}

/** One page of entries; a page that a bounded scan has left short is filled from the next one. */
async function page(asked, signal) {
  const { q: session_id, verdict, authority, from, to } = asked;
  let [cursor, entries, scans] = [asked.cursor, [], 0];
  do {
    const answer = await get("entries", { session_id, verdict, authority, from: instant(from), to: instant(to),
      cursor, limit: PAGE - entries.length }, signal);
    entries = entries.concat(answer.entries);
    cursor = answer.next_cursor;
  } while (cursor !== null && entries.length < PAGE && ++scans < SCANS_MAX);
  return { entries, cursor };
}

export async function view(main, signal, { query }) {
  const asked = Object.fromEntries(query);
  const result = h("section", { "aria-label": "What was found", "aria-live": "polite" });
  const say = (text) => h("p", { class: "muted" }, text);
  main.append(heading("Find"), ask(asked), result);
  try {
    fill(result, say("…"));
    const one = asked.q && !asked.cursor ? await exactly(asked.q, signal) : null;
    if (one) return location.replace(`#/entry/${one.sequence}`);
    const { entries, cursor } = await page(asked, signal);
    const list = h("ol", { class: "tape", "aria-label": "Entries, newest first" });
    const newer = (event) => { event.preventDefault(); history.back(); };
    fill(result, entries.length === 0 && say(cursor === null ? "Nothing fits."
      : "Nothing fits in what was looked at so far."), list,
    h("p", { class: "pages" }, asked.cursor && h("a", { href: "#", click: newer }, "← Newer"),
      cursor !== null && h("a", { href: `#/find?${new URLSearchParams({ ...asked, cursor })}` }, "Older →")));
    return tape(list, entries);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return fill(result, error.code === "not_found" ? say(`There is no entry ${asked.q}.`) : notice("bad", error.message));
  }
}
