// One entry: what it says, its neighbours in the chain, its payload, and what commits to it. Also the files that leave the page.
import { get } from "./api.js";
import { h, hash, mark, notice, number, sign, term, time } from "./dom.js";
import { entryFile, faultOf, leafData, proofFile, receiptFile } from "./ledger.js";
import { parse, tree, visible } from "./payload.js";

export const actions = (sequence, here) => h("nav", { class: "actions", "aria-label": `Entry ${sequence}` },
  [["entry", "The entry"], ["check", "Check it here"], ["save", "Save"]].filter(([route]) => route !== here)
    .map(([route, label]) => h("a", { href: `#/${route}/${sequence}`, class: "button" }, label)));

/** An entry and those before and after it; undefined where there is none. */
async function withNeighbours(sequence, signal) {
  const around = await get("entries", { cursor: Math.max(0, sequence - 2), order: "asc", limit: 3 }, signal);
  const at = (wanted) => around.entries.find((one) => one.sequence === wanted);
  return { before: at(sequence - 1), entry: at(sequence) ?? (await get(`entries/${sequence}`, {}, signal)).entry,
    after: at(sequence + 1) };
}

async function link(one, before, role, current) {
  if (!one) return h("li", { class: "link none" }, h("span", { class: "muted" }, role === "before"
    ? "the beginning: 64 zeros" : "nothing yet"));
  const fault = globalThis.crypto?.subtle ? await faultOf(one, before) : "";
  return h("li", { class: `link ${fault ? "broken" : ""}`, "aria-current": current && "true" }, mark(one.verdict), " ",
    current ? h("b", {}, String(one.sequence)) : h("a", { href: `#/entry/${one.sequence}`, rel: role === "before"
      ? "prev" : "next" }, String(one.sequence)),
    h("dl", {}, term("prev_hash", hash(one.prev_hash)), term("entry_hash", hash(one.entry_hash))),
    fault && h("p", { class: "fault" }, sign("no", "does not fit"), ` ${fault}`));
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
  main.append(h("h1", { tabindex: "-1" }, `Entry ${sequence}`));
  const { before, entry, after } = await withNeighbours(sequence, signal);
  const fault = globalThis.crypto?.subtle ? await faultOf(entry, before) : "";
  main.append(fault ? notice("bad", sign("no", "does not fit"), ` This entry is not what was sealed: ${fault}.`) : "",
    actions(sequence, "entry"),
    h("dl", { class: "facts" }, term("verdict", mark(entry.verdict), " ", entry.verdict), term("session",
      h("bdi", {}, visible(entry.session_id))), term("authority", h("bdi", {}, visible(entry.authority))),
      term("sealed at", time(entry.timestamp)), term("seal_id", h("code", { class: "hash" }, entry.seal_id))),
    h("h2", {}, "Payload"), payload(entry),
    h("h2", {}, "Its place in the chain"), h("p", { class: "prose" },
      "Each entry holds the hash of the one before it as ", h("code", {}, "prev_hash"),
      "; whoever changes one would have to change all that follow."),
    h("ol", { class: "links" }, await link(before, undefined, "before"), await link(entry, before, "", true),
      await link(after, entry, "after")),
    h("h2", {}, "What commits to the payload"),
    h("p", { class: "prose" }, "The chain does not hold the payload itself, but ",
      h("code", {}, "data_hash = SHA-256(salt ‖ canonical text)"),
      ". The salt is 16 random bytes of this entry alone: without it, not even a payload that can be guessed can be recognised in a published hash, and a payload erased with its salt is gone while everything still verifies."),
    h("dl", { class: "facts" }, term("salt", hash(entry.data_salt ?? "–")), term("data_hash", hash(entry.data_hash)),
      term("Merkle root", hash(entry.merkle_root), h("span", { class: "muted" }, ` of the first ${sequence}`)),
      term("canonical text", h("details", {}, h("summary", {},
        `${(entry.seal_data_canonical ?? "").length.toLocaleString("en")} characters`), h("pre", { class: "raw" },
        visible((entry.seal_data_canonical ?? "").slice(0, 100_000)))))));
}

function offer(name, type, text, what) {
  const click = () => {
    const url = URL.createObjectURL(new Blob([text], { type }));
    h("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  return h("li", {}, h("button", { type: "button", click }, `Save ${name}`), h("p", { class: "prose" }, what));
}

/** Save: what convinces somebody who was not here. */
export async function save(main, signal, { sequence }) {
  main.append(h("h1", { tabindex: "-1" }, sequence ? `Entry ${sequence}, to take away` : "Save"));
  if (!sequence) {
    main.append(h("p", { class: "prose" },
      "Evidence that convinces somebody who was not here, without this page and without vaultd. Which entry?"),
      choose("save"));
    return;
  }
  main.append(actions(sequence, "save"));
  const { entry } = await get(`entries/${sequence}`, {}, signal);
  const proof = await get(`proof/${sequence}`, {}, signal);
  const { vkey } = await get("checkpoint", {}, signal);
  if (!proof.checkpoint) throw new Error("there is no checkpoint for this tree yet; try again");
  const quoted = `'${vkey}'`;
  main.append(h("ul", { class: "files" },
    offer(`${sequence}.tlog-proof`, "text/plain", proofFile(leafData(entry), proof.leaf_index, proof.proof,
      proof.checkpoint), `The proof: the envelope, the path to the root, the signed checkpoint over ${number(proof.tree_size)} entries. Tells nothing of the payload.`),
    offer(`${sequence}.json`, "application/json", entryFile(entry),
      "The entry with its payload and salt. Together with the proof: exactly this record is in the ledger."),
    offer(`${sequence}.receipt.json`, "application/json", receiptFile(entry, proof),
      "The receipt with its proof in one file, for whoever keeps the payload elsewhere.")),
  h("h2", {}, "Checked elsewhere, with nothing of this house but its key"),
  h("pre", { class: "raw" },
    `vaultctl check-proof ${sequence}.tlog-proof --entry ${sequence}.json \\\n  --vkey ${quoted}\nvaultctl check-receipt ${sequence}.receipt.json \\\n  --vkey ${quoted}`),
  h("p", { class: "prose" },
    "The key above came with this page. Get it once by another way too, from the people who run the ledger, and compare."));
}

/** Asks for an entry's number. */
export function choose(route) {
  return h("form", { class: "search", submit: (event) => {
    event.preventDefault();
    location.hash = `#/${route}/${new FormData(event.target).get("sequence")}`;
  } }, h("label", { class: "field" }, h("span", {}, "Entry number"), h("input", { name: "sequence",
    inputmode: "numeric", pattern: "[1-9][0-9]{0,15}", required: true, autocomplete: "off" })), h("button", {},
    "Go on"));
}
