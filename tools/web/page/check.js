// Check it here: this browser recomputes everything that an entry rests on and shows each step with the value that it got.
import { get, stream } from "./api.js";
import { fill, h, hash, notice, number, plural, sign } from "./dom.js";
import { actions, choose, payload } from "./entry.js";
import { dataHash, faultOf, Frontier, hex, leafData, leafHash, parseCheckpoint, signedBy, unhex, Unsupported, walk,
  ZEROS } from "./ledger.js";
import { remember, remembered } from "./memory.js";

const SAYS = { yes: "holds", no: "does not hold", unsure: "could not be checked" };

function insecure() {
  if (globalThis.crypto?.subtle) return null;
  return notice("unsure", sign("unsure", "cannot check"),
    " This browser cannot check anything here: it offers cryptography only to pages that came over https or from this very machine. Open the page that way, or use ", h("code", {}, "vaultctl check-proof"), ".");
}

/** A step: {title, formula, kind: yes, no or unsure, rows: [[name, value]], more}. `held` may throw what says why not. */
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
  h("dl", { class: "pairs" }, rows.map(([name, value]) => h("div", { class: "term" }, h("dt", {}, name),
    h("dd", {}, value)))), remark && h("p", { class: "muted" }, remark), why && h("p", { class: "why" }, why), more));

const compared = (done, got, said, names = ["computed here", "vaultd says"]) => {
  done.rows.push([names[0], hash(got)], [names[1], got === said ? "the same" : hash(said ?? "nothing")]);
  return got === said;
};

/** Every step for one entry, in order. `vkey` is the key that is to have signed. */
async function stepsFor(entry, before, proof, vkey, ownKey) {
  const text = leafData(entry);
  const leaf = await leafHash(text);
  const note = proof.checkpoint && parseCheckpoint(proof.checkpoint);
  return [
    await step("The payload is the one that was committed to", "data_hash = SHA-256(salt ‖ canonical text)",
      async (done) => {
      if (entry.seal_data_canonical === null) throw new Error("the payload and its salt are missing, and nothing explains it");
      return compared(done, await dataHash(entry.data_salt, entry.seal_data_canonical), entry.data_hash);
    }),
    await step("The entry is the one that was hashed", "entry_hash = SHA-256(00 ‖ envelope)", async (done) => {
      done.more = h("details", {}, h("summary", {}, "the envelope"), h("pre", { class: "raw" }, text));
      const same = compared(done, hex(leaf), entry.entry_hash);
      if (!same) done.why = "Its payload, its salt or what stands in the envelope was changed after it was sealed.";
      return same;
    }),
    await step("It follows the entry before it", "prev_hash = entry_hash of the entry before", async (done) => {
      if (before && (await faultOf(before))) done.remark = `Entry ${before.sequence} itself does not hold: check that one.`;
      return compared(done, before?.entry_hash ?? ZEROS, entry.prev_hash, [before ? `of entry ${before.sequence}`
        : "of a first entry", "this entry says"]);
    }),
    await step("It is in the tree that was signed",
      "root = path applied to entry_hash, node = SHA-256(01 ‖ left ‖ right)", async (done) => {
      if (!note) throw new Error("no checkpoint of this size is kept");
      const { root, steps } = await walk(leaf, entry.sequence - 1, note.size, proof.proof.map((one) => unhex(one, 32)));
      done.more = h("details", {}, h("summary", {}, `the path, ${plural(steps.length, "step")}`),
        h("ol", { class: "path" }, steps.map((one) =>
        h("li", { class: one.isRight ? "from-left" : "from-right" }, h("span", { class: "muted" }, one.isRight
          ? "with the left neighbour" : "with the right neighbour"), hash(hex(one.isRight ? one.left : one.right)),
          h("span", { class: "muted" }, "becomes"), hash(hex(one.node))))));
      done.rows.push(["entry", `${number(entry.sequence)} of ${number(note.size)}`]);
      return compared(done, hex(root), note.root, ["computed here", "checkpoint says"]);
    }),
    await step("The checkpoint is signed", "Ed25519 over origin, size and root", async (done) => {
      if (!note) throw new Error("no checkpoint of this size is kept");
      done.rows.push(["key", hash(vkey)], ["where from", ownKey ? "you gave it"
        : "this house: compare it with one that you got elsewhere"]);
      done.more = h("details", {}, h("summary", {}, "the checkpoint"), h("pre", { class: "raw" }, proof.checkpoint));
      return signedBy(note, vkey);
    }),
    await step("The history is the one that this browser has seen",
      "RFC 9162 consistency with the checkpoint kept here", async (done) => {
      const memory = await remember();
      if (memory.then) done.rows.push(["seen since", memory.since.slice(0, 10)],
        ["then", `${number(parseCheckpoint(memory.then.note).size)} entries`]);
      done.rows.push(["now", `${number(memory.now?.size)} entries`]);
      if (memory.kind === "unknown") throw new Unsupported(memory.message);
      if (memory.message) done[memory.kind === "new" ? "remark" : "why"] = memory.message;
      return ["new", "same", "continued"].includes(memory.kind);
    }),
  ];
}

async function one(result, sequence, ownKey, signal) {
  fill(result, h("p", { class: "muted" }, "computing…"));
  const around = sequence > 1 ? await get("entries", { cursor: sequence - 2, order: "asc", limit: 2 }, signal)
    : { entries: [] };
  const before = around.entries.find((other) => other.sequence === sequence - 1);
  const { entry } = await get(`entries/${sequence}`, {}, signal);
  const proof = await get(`proof/${sequence}`, {}, signal);
  const vkey = ownKey || (remembered()?.vkey ?? (await get("checkpoint", {}, signal)).vkey);
  const steps = await stepsFor(entry, before, proof, vkey, ownKey !== "");
  const kind = steps.some((done) => done.kind === "no") ? "no" : steps.some((done) => done.kind === "unsure")
    ? "unsure" : "yes";
  const first = steps.find((done) => done.kind === "no");
  const says = { yes: `All of it holds for entry ${sequence}.`,
    no: `Entry ${sequence} does not hold. ${first?.why ?? ""}`,
    unsure: "Not everything could be checked here." };
  fill(result, h("p", { class: `outcome ${kind}`, role: "status" }, sign(kind, SAYS[kind]),
    h("span", {}, says[kind])), h("ol", { class: "steps" }, steps.map(draw)),
    h("details", {}, h("summary", {}, "the payload that was hashed"), payload(entry)));
}

/** Downloads every entry, recomputes hashes, chain and tree, and compares the root with the signed one. */
async function everything(result, signal) {
  const bar = h("progress", { max: 1, value: 0, "aria-label": "Entries checked" });
  const told = h("p", { role: "status" }, "");
  fill(result, bar, told);
  const { checkpoint, vkey } = await get("checkpoint", {}, signal);
  const note = parseCheckpoint(checkpoint);
  const frontier = new Frontier();
  let before;
  const end = (kind, text) => fill(result, h("p", { class: `outcome ${kind}`, role: "status" },
    sign(kind, SAYS[kind]), h("span", {}, text)));
  const broken = (sequence, fault) => end("no", [`Entry `, h("a", { href: `#/check/${sequence}` }, String(sequence)),
    `: ${fault}.`]);
  while (frontier.size < note.size) {
    const { entries } = await get("entries", { cursor: frontier.size, order: "asc", limit: 1000 }, signal);
    if (entries.length === 0) return broken(frontier.size + 1, "it is missing");
    for (const entry of entries.slice(0, note.size - frontier.size)) {
      if (entry.sequence !== frontier.size + 1) return broken(frontier.size + 1, "it is missing");
      const fault = await faultOf(entry, before);
      if (fault) return broken(entry.sequence, fault);
      await frontier.add(unhex(entry.entry_hash, 32));
      before = entry;
    }
    bar.value = frontier.size / note.size;
    told.textContent = `${number(frontier.size)} of ${number(note.size)} recomputed here`;
  }
  if (hex(await frontier.root()) !== note.root) return end("no",
    "Every entry fits by itself, but together they are not the tree that was signed: the ledger was rewritten.");
  if (!(await signedBy(note, vkey))) return end("no", "The root is right, but its signature is not.");
  return end("yes", `All ${plural(note.size, "entry", "entries")}: payloads, hashes, chain, tree and signature hold.`);
}

/** Lets vaultd verify: it also compares with what it knows by heart. */
async function byVaultd(result, signal) {
  const bar = h("progress", { max: 1, value: 0, "aria-label": "Entries verified" });
  const told = h("p", { role: "status" }, "");
  fill(result, bar, told);
  for await (const { event, data } of stream("verify", {}, signal)) {
    if (event === "progress") [bar.value, told.textContent] = [data.checked / (data.total || 1),
      `${number(data.checked)} of ${number(data.total)}`];
    if (event === "error") fill(result, notice("bad", data.message));
    if (event === "result") {
      const kind = data.valid ? "yes" : "no";
      fill(result, h("p", { class: `outcome ${kind}`, role: "status" }, sign(kind, SAYS[kind]),
        h("span", {}, data.valid ? `vaultd found nothing in ${plural(data.checked, "entry", "entries")}.`
        : ["vaultd says: entry ", h("a", { href: `#/check/${data.first_invalid_sequence}` },
          String(data.first_invalid_sequence)), `, ${data.reason}.`])));
    }
  }
}

const guarded = (result, work) => async (...given) => {
  try {
    await work(result, ...given);
  } catch (error) {
    if (error.name !== "AbortError") fill(result, notice("bad", error.message));
  }
};

export function view(main, signal, { sequence }) {
  const cannot = insecure();
  const result = h("section", { class: "result", "aria-label": "Outcome" });
  main.append(h("h1", { tabindex: "-1" }, sequence ? `Entry ${sequence}, checked here` : "Check it here"));
  if (cannot) main.append(cannot);
  if (sequence) {
    const run = guarded(result, (place, key) => one(place, sequence, key, signal));
    main.append(actions(sequence, "check"), result, h("form", { class: "search", submit: (event) =>
      { event.preventDefault(); run(new FormData(event.target).get("vkey").trim()); } },
      h("label", { class: "field wide" }, h("span", {}, "Verifier key that you got by another way"),
        h("input", { name: "vkey", autocomplete: "off", spellcheck: "false", placeholder: "name+id+base64" })),
        h("button", {}, "Check with this key")));
    if (!cannot) run("");
  } else {
    main.append(h("p", { class: "prose" },
      "Give an entry: its hash, its way to the signed root and the signature are computed again by this browser, step by step."), choose("check"),
      h("h2", {}, "The whole ledger"), h("p", { class: "prose" },
        "Here: every entry is fetched and hashed again. By vaultd: faster, and it compares with what it keeps outside of the database as well."),
      h("p", { class: "actions" }, h("button", { type: "button", disabled: cannot !== null, click: () =>
        guarded(result, everything)(signal) }, "Recompute every entry here"),
        h("button", { type: "button", click: () => guarded(result, byVaultd)(signal) }, "Let vaultd verify")), result);
  }
  main.append(h("aside", { class: "prose", "aria-label": "What this proves" },
    h("h2", {}, "What this proves, and what not"),
    h("p", {}, "If all of it holds, this record is in the ledger that the key has signed, unchanged, at this place; and the history is the one that this browser saw before. It does not prove that the record is true, nor when a signature was made other than that the log says so."),
    h("p", {}, "This page came from the same house as the ledger. A house that lies could send a page that lies. For a check that trusts nothing of it, ", h("a", { href: `#/save${sequence ? `/${sequence}` : ""}` }, "save the evidence"), " and run ", h("code", {}, "vaultctl check-proof"), " on a machine of your own, with a key that you got by another way.")));
}
