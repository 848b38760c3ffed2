// Find: entries by number, seal_id, session, verdict, authority and time, a page at a time. The address holds the query.
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

/** The entry whose number or seal_id `q` is: {entry} or {refusal}; {} if other fields say that it is a session's name. */
async function exactly({ q = "", ...more }, signal) {
  const route = /^[1-9][0-9]{0,15}$/.test(q) ? "entries" : UUID.test(q) ? "seals" : null;
  if (!route || Object.values(more).some(Boolean)) return {};
  return get(`${route}/${q}`, {}, signal).catch((refusal) => ({ refusal }));
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

/** Links to the pages beside this one. `past`: the cursors of those before, "0" for the first; vaultd names only the next. */
function pageLinks({ past, cursor, ...asked }, next) {
  const link = (more, label) => h("a", { href: `#/find?${new URLSearchParams({ ...asked, ...more })}` }, label);
  const before = (past || "0").split(",");
  const to = before.pop();
  const newer = to === "0" ? {} : { cursor: to, past: before.join() };
  const older = { cursor: next, past: [past, cursor || "0"].filter(Boolean).join() };
  return h("p", { class: "pages" }, cursor && link(newer, past ? "← Newer" : "← Newest"), next !== null && link(older, "Older →"));
}

export async function view(main, signal, { query }) {
  const asked = Object.fromEntries(query);
  const result = h("section", { "aria-label": "What was found", "aria-live": "polite" });
  const say = (text) => h("p", { class: "muted" }, text);
  main.append(heading("Find"), ask(asked), result);
  try {
    fill(result, say("…"));
    const [{ entry, refusal }, { entries, cursor }] = await Promise.all([exactly(asked, signal), page(asked, signal)]);
    if (entry?.sequence && entries.length === 0) return location.replace(`#/entry/${entry.sequence}`);
    if (refusal && refusal.code !== "not_found" && entries.length === 0) throw refusal;
    const [exact, list] = ["The entry", "Entries, newest first"].map((label) => h("ol", { class: "tape", "aria-label": label }));
    const none = refusal ? `There is no entry ${asked.q}. Nor is there a session of this name.`
      : cursor === null ? "Nothing fits." : "Nothing fits in what was looked at so far.";
    fill(result, entry && exact, entry && entries.length > 0 && h("h2", {}, "The session of this name"),
      !entry && entries.length === 0 && say(none), list, pageLinks(asked, cursor));
    if (entry) tape(exact, [entry]);
    return tape(list, entries);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return fill(result, notice("bad", error.message));
  }
}
