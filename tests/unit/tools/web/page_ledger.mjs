// The computations of the page (tools/web/page/ledger.js, payload.js), against vectors and against itself. Run by page_ledger_test.py:
//   node page_ledger.mjs PAGE_DIRECTORY VECTORS_DIRECTORY
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { webcrypto } from "node:crypto";
import { pathToFileURL } from "node:url";

globalThis.crypto ??= webcrypto;
const [page, vectors] = process.argv.slice(2);
const ledger = await import(pathToFileURL(`${page}/ledger.js`));
const { parse } = await import(pathToFileURL(`${page}/payload.js`));
const read = (name) => JSON.parse(readFileSync(`${vectors}/${name}`, "utf8"));
const bytes = (base64) => ledger.unbase64(base64);
const count = { checks: 0 };
const equal = (actual, expected, what) => { count.checks++; assert.equal(actual, expected, what); };
const refused = async (call, what) => { count.checks++; await assert.rejects(async () => call(), ledger.Malformed,
  what); };
async function holds(call) {
  try { return await call(); } catch (error) { if (error instanceof ledger.Malformed) return false; throw error; }
}

async function entries() {
  const { entries: worked, checkpoint, vkey, tlog_proof_sequence_2: file } = read("entries.json");
  const frontier = new ledger.Frontier();
  let before = null;
  for (const { entry, seal_data_canonical, data_hash, leaf_data, entry_hash, merkle_root } of worked) {
    equal(await ledger.dataHash(entry.data_salt, seal_data_canonical), data_hash, "data_hash");
    equal(ledger.leafData({ ...entry, data_hash }), leaf_data, "leaf_data");
    const leaf = await ledger.leafHash(leaf_data);
    equal(ledger.hex(leaf), entry_hash, "entry_hash");
    await frontier.add(leaf);
    equal(ledger.hex(await frontier.root()), merkle_root, "merkle_root");
    const whole = { ...entry, seal_data_canonical, data_hash, entry_hash };
    equal(await ledger.faultOf(whole, before), "", "an entry as it should be");
    equal(await ledger.faultOf({ ...whole, seal_data_canonical: "{\"a\":1}" }, before), "payload does not fit");
    equal(await ledger.faultOf({ ...whole, seal_data_canonical: null }, before), "payload is missing");
    equal(await ledger.faultOf({ ...whole, authority: "other" }, before), "entry_hash does not fit");
    if (before) equal(await ledger.faultOf(whole, { ...before, entry_hash: ledger.ZEROS }), "prev_hash does not fit");
    before = whole;
  }
  const parsed = ledger.parseCheckpoint(checkpoint);
  equal(parsed.size, 3);
  equal(parsed.root, worked[2].merkle_root);
  equal(await ledger.signedBy(parsed, vkey), true, "the signature");
  const changed = ledger.parseCheckpoint(checkpoint.replace("\n3\n", "\n4\n"));
  equal(await ledger.signedBy(changed, vkey), false, "another text under the same signature");
  const path = file.split("\n").slice(3, 5).map((line) => ledger.hex(bytes(line)));
  equal(ledger.proofFile(worked[1].leaf_data, 1, path, checkpoint), file, "the proof file");
  const big = ledger.entryFile({ ...worked[0].entry, seal_data: { rounded: true },
    seal_data_canonical: worked[0].seal_data_canonical });
  assert.match(big, /"seal_data":\{"big":18446744073709551615,/);
}

async function merkle() {
  const { inclusion, consistency } = read("merkle/proofs.json");
  for (const { leafIdx, treeSize, root, leafHash, proof, wantErr, file } of inclusion) {
    const held = await holds(async () => {
      const walked = await ledger.walk(bytes(leafHash), leafIdx, treeSize, (proof ?? []).map(bytes));
      return ledger.hex(walked.root) === ledger.hex(bytes(root));
    });
    equal(held, !wantErr, file);
  }
  for (const { size1, size2, root1, root2, proof, wantErr, file } of consistency) {
    const held = await holds(() => ledger.continues(size1, size2, bytes(root1), bytes(root2),
      (proof ?? []).map(bytes)));
    equal(held, !wantErr, file);
  }
}

async function tlog() {
  const given = read("tlog.json");
  const checkpoint = ledger.parseCheckpoint(given.checkpoint);
  equal(await ledger.signedBy(checkpoint, given.log_vkey), true, "the log's signature beside a witness's");
  equal(await ledger.signedBy(checkpoint, read("entries.json").vkey), false, "another log's key");
  const frontier = new ledger.Frontier();
  const roots = {};
  for (const leaf of given.leaf_data) {
    await frontier.add(await ledger.leafHash(leaf));
    roots[frontier.size] = await frontier.root();
  }
  equal(ledger.hex(roots[15]), checkpoint.root);
  const walked = await ledger.walk(await ledger.leafHash("three"), 2, 15, given.inclusion_index_2.map(bytes));
  equal(ledger.hex(walked.root), checkpoint.root);
  for (const first of [7, 8]) {
    const { proof } = given[`consistency_${first}_15`];
    equal(await ledger.continues(first, 15, roots[first], roots[15], proof.map(bytes)), true);
    equal(await ledger.continues(first, 15, roots[first - 1], roots[15], proof.map(bytes)), false,
      "a rewritten history");
  }
}

async function malformed() {
  const { checkpoint, vkey } = read("entries.json");
  for (const note of ["", "\n\n", checkpoint.slice(0, -1), checkpoint.replace("\u2014", "-"),
    checkpoint.replace("\n3\n", "\n03\n"),
    checkpoint.replace("\n3\n", "\n99999999999999999999\n"), checkpoint.replace("iE=\n", "iF=\n"),
      checkpoint.replace(/.{44}\n\n/, "\n\n")]) {
    await refused(() => ledger.parseCheckpoint(note), JSON.stringify(note));
  }
  for (const key of ["", "a+b+c", vkey.replace("+a2fd898e+", "+a2fd898f+"), vkey.replace("+AXm1", "+AYm1"),
    `${vkey}=`]) {
    await refused(() => ledger.parseKey(key), key);
  }
  for (const text of ["AB", "a", "zz", 7]) await refused(() => ledger.unhex(text), String(text));
  for (const text of ["=", "QQ", "QR==", "Q Q="]) await refused(() => ledger.unbase64(text), text);
}

function payloads() {
  for (const { seal_data_canonical } of read("entries.json").entries) parse(seal_data_canonical);
  for (const name of ["arrays", "french", "structures",
    "values"]) parse(readFileSync(`${vectors}/jcs/${name}.output.json`, "utf8"));
  const big = parse('{"":[],"a":{"n":18446744073709551615,"s":"\\"\\\\\\u001f"},"z":[-0.5,1e+21,true,false,null,{}]}');
  const members = Object.fromEntries(big.members);
  equal(Object.fromEntries(members.a.members).n.text, "18446744073709551615", "integers stay exact");
  equal(Object.fromEntries(members.a.members).s.text, "\"\\\u001f");
  equal(members.z.members.map(([, node]) => node.text ?? node.kind).join(), "-0.5,1e+21,true,false,null,object");
  equal(parse(`"${"\\n".repeat(1 << 20)}"`).text.length, 1 << 20, "a long string of escapes");
  equal(parse(`${"[".repeat(64)}${"]".repeat(64)}`).kind, "array");
  for (const text of ["", "{", "[1", "[1,]", '{"a"}', '{"a":1', "[1 ]", "tru", '"\\', '"', "1]", "-"]) {
    count.checks++;
    assert.throws(() => parse(text), SyntaxError, text);
  }
}

for (const part of [entries, merkle, tlog, malformed, payloads]) await part();
console.log(`${count.checks} checks held`);
