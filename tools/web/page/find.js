// Find: entries by number, seal_id, session, verdict, authority and time, a page at a time. What is asked stands in the address.
import { ApiError, get } from "./api.js";
import { fill, h, mark, notice, VERDICTS } from "./dom.js";
import { visible } from "./payload.js";
import { tape } from "./tape.js";

const PAGE = 25;
const SCANS_MAX = 20;  // short pages in a row that are read before the reader is asked
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const field = (label, control) => h("label", { class: "field" }, h("span", {}, label), control);
const instant = (text) => (text ? `${text.length === 16 ? `${text}:00` : text.slice(0, 19)}.000000Z` : "");

function form(asked) {
  const verdicts = h("select", { name: "verdict" }, h("option", { value: "" }, "any"), VERDICTS.map((verdict) =>
    h("option", { selected: asked.verdict === verdict }, verdict)));
  const text = (name, label, more = {}) => field(label, h("input", { name, value: asked[name], autocomplete: "off",
    spellcheck: "false", ...more }));
  return h("form", { class: "search", role: "search", submit: (event) => {
    event.preventDefault();
    const given = [...new FormData(event.target)].map(([name, value]) => [name, value.trim()]).filter(([, value]) =>
      value);
    location.hash = `#/find?${new URLSearchParams(given)}`;
  } }, text("q", "Number, seal_id or session", { class: "wide", type: "search" }), field("Verdict", verdicts),
    text("authority", "Authority"),
  text("from", "From (UTC)", { type: "datetime-local", step: 1 }), text("to", "Before (UTC)",
    { type: "datetime-local", step: 1 }), h("button", {}, "Find"));
}

async function exactly(q, signal) {
  if (/^[1-9][0-9]{0,15}$/.test(q)) return (await get(`entries/${q}`, {}, signal)).entry;
  if (UUID.test(q)) return (await get(`seals/${q}`, {}, signal)).entry;
  return null;
}

/** One page of entries; a page that a bounded scan has left short is filled up from the next. */
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
  main.append(h("h1", { tabindex: "-1" }, "Find"), form(asked), result);
  try {
    fill(result, h("p", { class: "muted" }, "…"));
    const one = asked.q && !asked.cursor ? await exactly(asked.q, signal) : null;
    if (one) {
      location.replace(`#/entry/${one.sequence}`);
      return;
    }
    const { entries, cursor } = await page(asked, signal);
    const list = h("ol", { class: "tape", "aria-label": "Entries, newest first" });
    const next = new URLSearchParams(query);
    next.set("cursor", cursor);
    fill(result, entries.length === 0 && h("p", { class: "muted" }, cursor === null ? "Nothing fits."
      : "Nothing fits in what was looked at so far."), list,
      h("p", { class: "pages" }, asked.cursor && h("a", { href: "#", click: (event) =>
        { event.preventDefault(); history.back(); } }, "← Newer"),
        cursor !== null && h("a", { href: `#/find?${next}` }, "Older →")));
    await tape(list, entries);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    fill(result, error.code === "not_found" ? h("p", { class: "muted" }, "There is no entry ",
      h("bdi", {}, visible(asked.q)), ".") : notice("bad", error.message));
  }
}
