// Entries: in a row on their chain; one by itself, with its payload and its commitments; the files to save.
import { get } from "./api.js";
import { button, details, field, form, h, hash, heading, input, mark, muted, notice, number, prose, raw, sign, term,
  time } from "./dom.js";
import { canCheck, entryFile, faultOf, leafData, proofFile, receiptFile } from "./ledger.js";
import { parse, tree, visible } from "./payload.js";

export const actions = (sequence, here) => h("nav", { class: "actions", "aria-label": `Entry ${sequence}` },
  [["entry", "The entry"], ["check", "Check it here"], ["save", "Save"]].filter(([route]) => route !== here)
    .map(([route, label]) => h("a", { href: `#/${route}/${sequence}`, class: "button" }, label)));

const clip = (text) => (text.length > 80 ? `${text.slice(0, 80)}…` : text);

/** Whether a seal is only kept in a file for now (vaultd's emergency mode): it has no sequence, no salt and no hashes yet. */
const isKept = (entry) => entry.backend === "legacy";

/** Describes what is wrong with an entry, in the words of faultOf(); "" if there is nothing that can be checked here. */
const seenFault = async (entry, before) => (canCheck && !isKept(entry) ? faultOf(entry, before) : "");
const misfit = (fault) => [sign("no", "does not fit"), ` ${fault}`];

const key = (entry) => String(entry.sequence ?? entry.seal_id);
const row = (entry) => h("li", { class: "row", "data-sequence": key(entry) }, h("span", { class: "bead" }, mark(entry.verdict)),
  isKept(entry) ? muted("–") : h("a", { class: "sequence", href: `#/entry/${key(entry)}` }, key(entry)),
  h("span", { class: "verdict" }, entry.verdict), h("bdi", { class: "session" }, visible(clip(entry.session_id))),
  h("bdi", { class: "authority muted" }, visible(clip(entry.authority))),
  h("span", { class: "when" }, time(entry.timestamp, 3)),
  isKept(entry) && h("span", { class: "kept" }, "kept, not in the chain yet"));

async function check(element, entry, before) {
  const fault = await seenFault(entry, before);
  element.classList.toggle("broken", fault !== "");
  if (fault) element.append(h("span", { class: "fault" }, misfit(fault)));
}

/** Shows `entries`, newest first, in `list` (an ol): beads on a thread, with the mark of each verdict and the chain between
 *  neighbours. Each is hashed again as it is drawn; if something does not fit, the thread breaks there and says what.
 *  Rows that stay are not moved, so that they keep the focus. */
export function tape(list, entries, { fresh = false } = {}) {
  const known = new Map(Array.from(list.children, (element) => [element.dataset.sequence, element]));
  const rows = entries.map((entry, index) => {
    const before = entries[index + 1]?.sequence === entry.sequence - 1 ? entries[index + 1] : undefined;
    const state = `${entry.entry_hash}${entry.data_salt}${entry.seal_data_canonical?.length}${before?.entry_hash}`;
    const old = known.get(key(entry));
    if (old?.dataset.state === state) return old;
    const element = row(entry);
    element.dataset.state = state;
    element.classList.toggle("linked", before !== undefined);
    if (fresh && known.size > 0 && !old) element.classList.add("fresh");
    check(element, entry, before);
    return element;
  });
  for (const element of known.values()) if (!rows.includes(element)) element.remove();
  rows.forEach((element, at) => { if (list.children[at] !== element) list.insertBefore(element, list.children[at]); });
}

/** An entry and its neighbours; undefined for those that do not exist. */
export async function withNeighbours(sequence, signal) {
  const around = await get("entries", { cursor: Math.max(0, sequence - 2), order: "asc", limit: 3 }, signal);
  const at = (wanted) => around.entries.find((one) => one.sequence === wanted);
  return { before: at(sequence - 1), entry: at(sequence) ?? (await get(`entries/${sequence}`, {}, signal)).entry,
    after: at(sequence + 1) };
}

/** An entry as a part of the chain. `rel`: "prev" or "next" of the one shown; without it, the entry is that one. */
async function link(one, before, rel) {
  if (!one) return h("li", { class: "link none" }, muted(rel === "prev" ? "the beginning: 64 zeros" : "nothing yet"));
  const fault = await seenFault(one, before);
  const name = String(one.sequence);
  return h("li", { class: `link ${fault ? "broken" : ""}`, "aria-current": !rel && "true" }, mark(one.verdict), " ",
    rel ? h("a", { href: `#/entry/${name}`, rel }, name) : h("b", {}, name),
    h("dl", {}, term("prev_hash", hash(one.prev_hash)), term("entry_hash", hash(one.entry_hash))),
    fault && h("p", { class: "fault" }, misfit(fault)));
}

export function payload(entry) {
  if (entry.seal_data_canonical === null) return notice("bad", "The payload and its salt are not there.");
  try {
    return h("div", { class: "payload" }, tree(parse(entry.seal_data_canonical)));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return notice("bad", `What vault-web sent is not canonical JSON: ${error.message}`);
  }
}

export async function view(main, signal, { sequence }) {
  main.append(heading(`Entry ${sequence}`));
  const { before, entry, after } = await withNeighbours(sequence, signal);
  const fault = await seenFault(entry, before);
  const text = entry.seal_data_canonical ?? "";
  main.append(fault ? notice("bad", sign("no", "does not fit"), ` This entry is not what was sealed: ${fault}.`) : "",
    actions(sequence, "entry"),
    h("dl", { class: "facts" }, term("verdict", mark(entry.verdict), " ", entry.verdict),
      term("session", h("bdi", {}, visible(entry.session_id))),
      term("authority", h("bdi", {}, visible(entry.authority))),
      term("sealed at", time(entry.timestamp)), term("seal_id", hash(entry.seal_id))),
    h("h2", {}, "Payload"), payload(entry),
    h("h2", {}, "Its place in the chain"), prose("Each entry holds the hash of the one before it as ",
      h("code", {}, "prev_hash"), "; whoever changes one would have to change all that follow."),
    h("ol", { class: "links" }, await Promise.all([link(before, undefined, "prev"), link(entry, before),
      link(after, entry, "next")])),
    h("h2", {}, "What commits to the payload"),
    prose("The chain does not hold the payload itself, but ",
      h("code", {}, "data_hash = SHA-256(salt ‖ canonical text)"),
      ". The salt is 16 random bytes of this entry alone: without it, not even a payload that can be guessed can be recognised in a published hash, and a payload erased with its salt is gone while everything still verifies."),
    h("dl", { class: "facts" }, term("salt", hash(entry.data_salt ?? "–")), term("data_hash", hash(entry.data_hash)),
      term("Merkle root", hash(entry.merkle_root), muted(` of the first ${sequence}`)),
      term("canonical text", details(`${number(text.length)} characters`, raw(visible(text.slice(0, 100_000)))))));
}

function offer(name, type, text, what) {
  const click = () => {
    const url = URL.createObjectURL(new Blob([text], { type }));
    h("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  return h("li", {}, button(`Save ${name}`, click), prose(what));
}

/** Save: evidence that convinces somebody who was not here. */
export async function save(main, signal, { sequence }) {
  main.append(heading(sequence ? `Entry ${sequence}, to take away` : "Save"));
  if (!sequence) return main.append(prose(
    "Evidence that convinces somebody who was not here, without this page and without vaultd. Which entry?"),
  choose("save"));
  main.append(actions(sequence, "save"));
  const [{ entry }, proof, { vkey }] = await Promise.all([`entries/${sequence}`, `proof/${sequence}`, "checkpoint"]
    .map((route) => get(route, {}, signal)));
  if (!proof.checkpoint) throw new Error("there is no checkpoint for this tree yet; try again");
  return main.append(h("ul", { class: "files" },
    offer(`${sequence}.tlog-proof`, "text/plain", proofFile(leafData(entry), proof.leaf_index, proof.proof,
      proof.checkpoint), `The proof: the envelope, the path to the root, the signed checkpoint over ${number(proof.tree_size)} entries. Tells nothing of the payload.`),
    offer(`${sequence}.json`, "application/json", entryFile(entry),
      "The entry with its payload and salt. Together with the proof: exactly this record is in the ledger."),
    offer(`${sequence}.receipt.json`, "application/json", receiptFile(entry, proof),
      "The receipt with its proof in one file, for whoever keeps the payload elsewhere.")),
  h("h2", {}, "Checked elsewhere, with nothing from this server but its key"),
  raw(`vaultctl check-proof ${sequence}.tlog-proof --entry ${sequence}.json \\\n  --vkey '${vkey}'\nvaultctl check-receipt ${sequence}.receipt.json \\\n  --vkey '${vkey}'`),
  prose(
    "The key above came with this page. Get it once in another way too, from the people who run the ledger, and compare."));
}

/** Asks for an entry's number. */
export const choose = (route) => form(({ sequence }) => { location.hash = `#/${route}/${sequence}`; }, {},
  field("Entry number", input("sequence", { inputmode: "numeric", pattern: "[1-9][0-9]{0,15}", required: true })),
  h("button", {}, "Go on"));
