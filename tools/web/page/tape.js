// Entries as beads on a thread: the mark of each verdict, and the chain between neighbours. Each entry that is shown is hashed
// again as it is drawn; where something does not fit, the thread breaks there and says what.
import { h, mark, sign, time } from "./dom.js";
import { faultOf } from "./ledger.js";
import { visible } from "./payload.js";

const clip = (text) => (text.length > 80 ? `${text.slice(0, 80)}…` : text);

function row(entry, digits) {
  const element = h("li", { class: "row", "data-sequence": entry.sequence },
    h("span", { class: "bead" }, mark(entry.verdict)),
    h("a", { class: "sequence", href: `#/entry/${entry.sequence}` }, String(entry.sequence)),
    h("span", { class: "verdict" }, entry.verdict),
    h("bdi", { class: "session" }, visible(clip(entry.session_id))),
    h("bdi", { class: "authority muted" }, visible(clip(entry.authority))),
    h("span", { class: "when" }, time(entry.timestamp, digits)),
    h("span", { class: "fault", hidden: true }));
  return element;
}

async function check(element, entry, before) {
  const fault = globalThis.crypto?.subtle ? await faultOf(entry, before) : "";
  element.classList.toggle("broken", fault !== "");
  const place = element.querySelector(".fault");
  place.hidden = fault === "";
  if (fault) place.replaceChildren(sign("no", "does not fit"), ` ${fault}`);
  return fault;
}

/** Shows `entries`, all newest first or all oldest first, in `list` (an ol). Rows that stay are kept as they are. */
export async function tape(list, entries, { digits = 3, fresh = false } = {}) {
  const known = new Map(Array.from(list.children, (element) => [element.dataset.sequence, element]));
  const rows = entries.map((entry, index) => {
    const neighbour = [entries[index + 1], entries[index - 1]].find((other) => other?.sequence === entry.sequence - 1);
    const state = `${entry.entry_hash}${entry.data_salt}${entry.seal_data_canonical?.length}${neighbour?.entry_hash}`;
    const old = known.get(String(entry.sequence));
    if (old?.dataset.state === state) return old;
    const element = row(entry, digits);
    element.dataset.state = state;
    element.classList.toggle("linked", neighbour !== undefined);
    if (fresh && known.size > 0 && !old) element.classList.add("fresh");
    element.checked = check(element, entry, neighbour);
    return element;
  });
  if (rows.length !== list.children.length || rows.some((element, index) => element !== list.children[index])) {
    const focused = rows.find((element) => element.contains(document.activeElement));
    if (focused) {  // moving an element takes the focus away: put the others around it
      for (const element of Array.from(list.children)) if (!rows.includes(element)) element.remove();
      const at = rows.indexOf(focused);
      focused.before(...rows.slice(0, at));
      focused.after(...rows.slice(at + 1));
    } else {
      list.replaceChildren(...rows);
    }
  }
  return Promise.all(rows.map((element) => element.checked));
}
