// Check it here: this browser recomputes everything that an entry rests on and shows each step with the resulting value.
import { get, stream } from "./api.js";
import { button, details, field, fill, form, h, hash, heading, input, muted, notice, number, plural, prose, raw, sign,
  term } from "./dom.js";
import { actions, choose, payload, withNeighbours } from "./entry.js";
import { canCheck, dataHash, faultOf, Frontier, hex, leafData, leafHash, parseCheckpoint, signedBy, unhex, Unsupported,
  walk, ZEROS } from "./ledger.js";
import { remember, remembered } from "./memory.js";

const SAYS = { yes: "holds", no: "does not hold", unsure: "could not be checked" };

/** A step: {title, formula, kind: yes, no or unsure, rows: [[name, value]], more}. `work` may throw the reason for failure. */
async function step(title, formula, work) {
  const done = { title, formula, rows: [] };
  try {
    done.kind = (await work(done)) ? "yes" : "no";
  } catch (error) {
    done.kind = error instanceof Unsupported || error.code ? "unsure" : "no";
    done.why = error.message;
  }
  return done;
}

const draw = ({ title, formula, kind, rows, more, why, remark }) => h("li", { class: `step ${kind}` },
  sign(kind, SAYS[kind]), h("div", {}, h("h3", {}, title), h("p", { class: "formula" }, h("code", {}, formula)),
    h("dl", { class: "pairs" }, rows.map((row) => term(...row))), remark && h("p", { class: "muted" }, remark),
    why && h("p", { class: "why" }, why), more));

const compared = (done, got, said, names = ["computed here", "vaultd says"]) => {
  done.rows.push([names[0], hash(got)], [names[1], got === said ? "the same" : hash(said ?? "nothing")]);
  return got === said;
};

const pathStep = ({ isLeft, left, right, node }) => h("li", { class: isLeft ? "from-left" : "from-right" },
  muted(`with the ${isLeft ? "left" : "right"} neighbour`), hash(hex(isLeft ? left : right)), muted("becomes"),
  hash(hex(node)));

/** Every step for one entry, in order. `vkey` is the key that must have signed. */
async function stepsFor(entry, before, proof, vkey, ownKey) {
  const text = leafData(entry);
  const leaf = await leafHash(text);
  const signed = () => {
    if (!proof.checkpoint) throw new Error("no checkpoint of this size is kept");
    return parseCheckpoint(proof.checkpoint);
  };
  return Promise.all([
    step("The payload is the one that was committed to", "data_hash = SHA-256(salt ‖ canonical text)", async (done) => {
      const canonical = entry.seal_data_canonical;
      if (canonical === null) throw new Error("the payload and its salt are missing, and nothing explains it");
      return compared(done, await dataHash(entry.data_salt, canonical), entry.data_hash);
    }),
    step("The entry is the one that was hashed", "entry_hash = SHA-256(00 ‖ envelope)", (done) => {
      done.more = details("the envelope", raw(text));
      const same = compared(done, hex(leaf), entry.entry_hash);
      if (!same) done.why = "Its payload, its salt or what stands in the envelope was changed after it was sealed.";
      return same;
    }),
    step("It follows the entry before it", "prev_hash = entry_hash of the entry before", async (done) => {
      if (before && (await faultOf(before))) done.remark = `Entry ${before.sequence} itself does not hold: check that one.`;
      return compared(done, before?.entry_hash ?? ZEROS, entry.prev_hash,
        [before ? `of entry ${before.sequence}` : "of a first entry", "this entry says"]);
    }),
    step("It is in the tree that was signed", "root = path applied to entry_hash, node = SHA-256(01 ‖ left ‖ right)",
      async (done) => {
        const { size, root: said } = signed();
        const { root, steps } = await walk(leaf, entry.sequence - 1, size, proof.proof.map((one) => unhex(one, 32)));
        done.more = details(`the path, ${plural(steps.length, "step")}`,
          h("ol", { class: "path" }, steps.map(pathStep)));
        done.rows.push(["entry", `${number(entry.sequence)} of ${number(size)}`]);
        return compared(done, hex(root), said, ["computed here", "checkpoint says"]);
      }),
    step("The checkpoint is signed", "Ed25519 over origin, size and root", (done) => {
      const note = signed();
      const where = ownKey ? "you gave it" : "this server: compare it with one that you got elsewhere";
      done.rows.push(["key", hash(vkey)], ["where from", where]);
      done.more = details("the checkpoint", raw(proof.checkpoint));
      return signedBy(note, vkey);
    }),
    step("The history is the one that this browser has seen", "RFC 9162 consistency with the checkpoint kept here",
      async (done) => {
        const { kind, message, then, now, since } = await remember();
        if (then) done.rows.push(["seen since", since.slice(0, 10)],
          ["then", `${number(parseCheckpoint(then.note).size)} entries`]);
        done.rows.push(["now", `${number(now.size)} entries`]);
        if (message) done[kind === "new" ? "remark" : "why"] = message;
        return ["new", "same", "continued"].includes(kind);
      }),
  ]);
}

const outcome = (kind, ...content) =>
  h("p", { class: `outcome ${kind}`, role: "status" }, sign(kind, SAYS[kind]), h("span", {}, content));
const suspect = (sequence) => h("a", { href: `#/check/${sequence}` }, String(sequence));

async function one(result, sequence, ownKey, signal) {
  fill(result, h("p", { class: "muted" }, "computing…"));
  const { before, entry } = await withNeighbours(sequence, signal);
  const proof = await get(`proof/${sequence}`, {}, signal);
  const vkey = ownKey || (remembered()?.vkey ?? (await get("checkpoint", {}, signal)).vkey);
  const steps = await stepsFor(entry, before, proof, vkey, ownKey !== "");
  const worst = steps.find((done) => done.kind === "no") ?? steps.find((done) => done.kind === "unsure");
  const kind = worst?.kind ?? "yes";
  const says = { yes: `All of it holds for entry ${sequence}.`, unsure: "Not everything could be checked here.",
    no: `Entry ${sequence} does not hold. ${worst?.why ?? ""}` };
  fill(result, outcome(kind, says[kind]), h("ol", { class: "steps" }, steps.map(draw)),
    details("the payload that was hashed", payload(entry)));
}

/** Shows a bar with words below it; returns a function that updates both. */
function progress(result, label, did = "") {
  const bar = h("progress", { max: 1, value: 0, "aria-label": label });
  const told = h("p", { role: "status" });
  fill(result, bar, told);
  return (done, total) => {
    bar.value = done / (total || 1);
    told.textContent = `${number(done)} of ${number(total)}${did}`;
  };
}

/** Downloads every entry, recomputes hashes, chain and tree, and compares the root with the signed one. */
async function everything(result, signal) {
  const tell = progress(result, "Entries checked", " recomputed here");
  const { checkpoint, vkey } = await get("checkpoint", {}, signal);
  const note = parseCheckpoint(checkpoint);
  const frontier = new Frontier();
  const end = (...said) => fill(result, outcome(...said));
  let before;
  while (frontier.size < note.size) {
    const { entries } = await get("entries", { cursor: frontier.size, order: "asc", limit: 1000 }, signal);
    if (entries.length === 0) return end("no", "Entry ", suspect(frontier.size + 1), ": it is missing.");
    for (const entry of entries.slice(0, note.size - frontier.size)) {
      const due = frontier.size + 1;
      const fault = entry.sequence === due ? await faultOf(entry, before) : "it is missing";
      if (fault) return end("no", "Entry ", suspect(due), `: ${fault}.`);
      await frontier.add(unhex(entry.entry_hash, 32));
      before = entry;
    }
    tell(frontier.size, note.size);
  }
  if (hex(await frontier.root()) !== note.root) return end("no",
    "Every entry fits by itself, but together they are not the tree that was signed: the ledger was rewritten.");
  if (!(await signedBy(note, vkey))) return end("no", "The root is right, but its signature is not.");
  return end("yes", `All ${plural(note.size, "entry", "entries")}: payloads, hashes, chain, tree and signature hold.`);
}

/** Lets vaultd verify: it also compares with what it keeps outside the database. */
async function byVaultd(result, signal) {
  const tell = progress(result, "Entries verified");
  for await (const { event, data } of stream("verify", {}, signal)) {
    if (event === "progress") tell(data.checked, data.total);
    if (event === "error") fill(result, notice("bad", data.message));
    if (event === "result") fill(result, data.valid
      ? outcome("yes", `vaultd found nothing wrong in ${plural(data.checked, "entry", "entries")}.`)
      : outcome("no", "vaultd says: entry ", suspect(data.first_invalid_sequence), `, ${data.reason}.`));
  }
}

export function view(main, signal, { sequence }) {
  const result = h("section", { class: "result", "aria-label": "Outcome" });
  const run = (work, ...given) => work(result, ...given, signal).catch((error) => {
    if (error.name !== "AbortError") fill(result, notice("bad", error.message));
  });
  main.append(heading(sequence ? `Entry ${sequence}, checked here` : "Check it here"));
  if (!canCheck) main.append(notice("unsure", sign("unsure", "cannot check"),
    " This browser cannot check anything here: it offers cryptography only to pages that came over https or from this very machine. Open the page that way, or use ", h("code", {}, "vaultctl check-proof"), "."));
  if (sequence) {
    main.append(actions(sequence, "check"), result, form(({ vkey = "" }) => run(one, sequence, vkey), {},
      field("Verifier key that you got in another way", input("vkey", { class: "wide", placeholder: "name+id+base64" })),
      h("button", {}, "Check with this key")));
    if (canCheck) run(one, sequence, "");
  } else {
    main.append(prose(
      "Give an entry: its hash, its path to the signed root and the signature are computed again by this browser, step by step."),
    choose("check"), h("h2", {}, "The whole ledger"), prose(
      "Here: every entry is fetched and hashed again. By vaultd: faster, and it compares with what it keeps outside of the database as well."),
    h("p", { class: "actions" }, button("Recompute every entry here", () => run(everything), { disabled: !canCheck }),
      button("Let vaultd verify", () => run(byVaultd))), result);
  }
  main.append(h("aside", { class: "prose", "aria-label": "What this proves" },
    h("h2", {}, "What this proves, and what not"),
    h("p", {}, "If all of it holds, this record is in the ledger that the key has signed, unchanged, at this place; and the history is the one that this browser saw before. It does not prove that the record is true, nor when a signature was made other than that the log says so."),
    h("p", {}, "This page came from the same server as the ledger. A server that lies could send a page that lies. For a check that does not trust it, ", h("a", { href: `#/save${sequence ? `/${sequence}` : ""}` }, "save the evidence"), " and run ", h("code", {}, "vaultctl check-proof"), " on a machine of your own, with a key that you got in another way.")));
}
