// The ledger's arithmetic, recomputed by its reader: hashes, paths, signed notes (docs/ledger-format.md). Pure: bytes
// and text in, bytes and text out; no page, no network. SHA-256 and Ed25519 come from WebCrypto.

/** Browsers offer it only to pages in a secure context. */
export const canCheck = Boolean(globalThis.crypto?.subtle);
export const ZEROS = "0".repeat(64);
const utf8 = new TextEncoder();

/** An argument is not what it should be; the message says what is wrong. */
export class Malformed extends Error {}
/** This browser lacks what a check needs. */
export class Unsupported extends Error {}

function demand(condition, message) {
  if (!condition) throw new Malformed(message);
}

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export function unhex(text, length) {
  demand(/^[0-9a-f]+$/.test(text) && text.length === 2 * length, `not ${length} bytes as lower-case hexadecimal digits`);
  return Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
}

export const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

/** Standard base64 with padding, unused bits zero. */
export function unbase64(text) {
  demand(/^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text), "not base64");
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  demand(base64(bytes) === text, "not canonical base64");
  return bytes;
}

/** SHA-256 over parts, each bytes or text (as UTF-8), one after the other. */
async function sha256(...parts) {
  const given = parts.map((part) => (typeof part === "string" ? utf8.encode(part) : part));
  const bytes = new Uint8Array(given.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of given) {
    bytes.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

export const leafHash = (leafData) => sha256(Uint8Array.of(0), leafData);
const nodeHash = (left, right) => sha256(Uint8Array.of(1), left, right);

/** Hex of SHA-256(salt || canonical text): represents the payload in the entry's hash. */
export const dataHash = async (saltHex, canonicalText) => hex(await sha256(unhex(saltHex, 16), canonicalText));

/** The canonical JSON of an entry's envelope. JSON.stringify writes strings and small integers as RFC 8785 does. */
export function leafData(entry) {
  demand(Number.isSafeInteger(entry.sequence) && entry.sequence > 0, "no sequence");
  const { authority, data_hash, prev_hash, seal_id, sequence, session_id, timestamp, verdict } = entry;
  return JSON.stringify({ authority, data_hash, prev_hash, seal_id, sequence, session_id, timestamp, v: 1, verdict });
}

/** Describes what is wrong with an entry by itself, in a few words, or "". `before` is its predecessor, if available. */
export async function faultOf(entry, before) {
  try {
    if (entry.seal_data_canonical === null || entry.data_salt === null) return "payload is missing";
    if ((await dataHash(entry.data_salt, entry.seal_data_canonical)) !== entry.data_hash) return "payload does not fit";
    if (hex(await leafHash(leafData(entry))) !== entry.entry_hash) return "entry_hash does not fit";
    const expected = entry.sequence === 1 ? ZEROS : before?.sequence === entry.sequence - 1 ? before.entry_hash : null;
    if (expected !== null && entry.prev_hash !== expected) return "prev_hash does not fit";
    return "";
  } catch (error) {
    if (error instanceof Malformed) return error.message;
    throw error;
  }
}

/** For each node on the path from leaf `fn` to the root, with last leaf `sn`: whether it is a left sibling. A path of
 *  another length is invalid (RFC 9162, 2.1.3.2 and 2.1.4.2, whose names these are). */
function pathSides(fn, sn) {
  const sides = [];
  while (sn > 0) {
    const isLeft = fn % 2 === 1 || fn === sn;
    sides.push(isLeft);
    while (isLeft && fn % 2 === 0 && fn > 0) [fn, sn] = [fn / 2, Math.floor(sn / 2)];
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sides;
}

/** The root that an inclusion path leads to, and every node on the way: [{isLeft: its sibling, left, right, node}]. */
export async function walk(leaf, index, size, path) {
  demand(Number.isSafeInteger(index) && Number.isSafeInteger(size) && index >= 0 && index < size,
    "index outside the tree");
  demand([leaf, ...path].every((one) => one.length === 32), "not a hash of 32 bytes");
  const sides = pathSides(index, size - 1);
  demand(path.length === sides.length, `a path of ${path.length} nodes, not ${sides.length}`);
  const steps = [];
  let root = leaf;
  for (const [at, isLeft] of sides.entries()) {
    const [left, right] = isLeft ? [path[at], root] : [root, path[at]];
    root = await nodeHash(left, right);
    steps.push({ isLeft, left, right, node: root });
  }
  return { root, steps };
}

/** Whether the tree of `second` entries continues the one of `first`. Roots and path as bytes. False for the empty tree,
 *  with which nothing can be compared. */
export async function continues(first, second, firstRoot, secondRoot, path) {
  if (first === 0 || first > second) return false;
  if (first === second) return path.length === 0 && hex(firstRoot) === hex(secondRoot);
  let [fn, sn] = [first - 1, second - 1];
  while (fn % 2 === 1) [fn, sn] = [(fn - 1) / 2, Math.floor(sn / 2)];
  const [start, ...rest] = fn === 0 ? [firstRoot, ...path] : path;  // a complete subtree is its own first node
  const sides = pathSides(fn, sn);
  if (rest.length !== sides.length) return false;
  let [older, newer] = [start, start];
  for (const [at, isLeft] of sides.entries()) {
    if (isLeft) older = await nodeHash(rest[at], older);
    newer = await (isLeft ? nodeHash(rest[at], newer) : nodeHash(newer, rest[at]));
  }
  return hex(older) === hex(firstRoot) && hex(newer) === hex(secondRoot);
}

/** The root of a tree that grows leaf by leaf: the roots of its complete subtrees, largest first. */
export class Frontier {
  size = 0;
  #nodes = [];

  async add(leaf) {
    this.#nodes.push(leaf);
    for (let size = ++this.size; size % 2 === 0; size /= 2) {
      const [left, right] = this.#nodes.splice(-2);
      this.#nodes.push(await nodeHash(left, right));
    }
  }

  async root() {
    if (this.size === 0) return sha256();
    let node = this.#nodes.at(-1);
    for (const left of this.#nodes.slice(0, -1).reverse()) node = await nodeHash(left, node);
    return node;
  }
}

/** A checkpoint's {origin, size, root (hex), text, signatures}: a C2SP signed-note. */
export function parseCheckpoint(note) {
  const end = note.indexOf("\n\n");
  demand(end > 0 && note.endsWith("\n"), "not a signed note");
  const text = note.slice(0, end + 1);
  const signatures = note.slice(end + 2, -1).split("\n").map((line) => {
    const match = /^\u2014 (\S+) (\S+)$/.exec(line);
    demand(match, "not a signature line");
    const bytes = unbase64(match[2]);
    demand(bytes.length > 4, "signature too short");
    return { name: match[1], keyId: hex(bytes.slice(0, 4)), signature: bytes.slice(4) };
  });
  const [origin, size, root] = text.split("\n");
  demand(/^(0|[1-9][0-9]*)$/.test(size) && Number.isSafeInteger(Number(size)), "no tree size");
  const bytes = unbase64(root ?? "");
  demand(bytes.length === 32, "no root of 32 bytes");
  return { origin, size: Number(size), root: hex(bytes), text, signatures };
}

/** A verifier key `<name>+<key ID>+<base64>`; its key ID is recomputed. */
export async function parseKey(vkey) {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(vkey.trim());
  demand(match, "not a verifier key: name+id+base64");
  const bytes = unbase64(match[3]);
  demand(bytes.length === 33 && bytes[0] === 1, "not an Ed25519 key");
  const keyId = hex((await sha256(match[1], "\n", bytes)).slice(0, 4));
  demand(keyId === match[2], "the key ID does not belong to this name and key");
  return { name: match[1], keyId, key: bytes.slice(1) };
}

/** Whether the checkpoint is signed by this key. Throws Unsupported if the browser has no Ed25519. */
export async function signedBy(checkpoint, vkey) {
  const { name, keyId, key } = await parseKey(vkey);
  const line = checkpoint.signatures.find((one) => one.name === name && one.keyId === keyId);
  if (!line || checkpoint.origin !== name) return false;
  const imported = await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]).catch((error) => {
    if (error.name === "NotSupportedError") throw new Unsupported("this browser does not know Ed25519");
    throw new Malformed("not a key");
  });
  return crypto.subtle.verify({ name: "Ed25519" }, imported, line.signature, utf8.encode(checkpoint.text));
}

/** The three files to save: the input of vaultctl check-proof, --entry and check-receipt. */
export function proofFile(leafText, index, pathHex, note) {
  const path = pathHex.map((one) => `${base64(unhex(one, 32))}\n`).join("");
  return `c2sp.org/tlog-proof@v1\nextra ${base64(utf8.encode(leafText))}\nindex ${index}\n${path}\n${note}`;
}

export function entryFile(entry) {
  const { seal_data, seal_data_canonical, ...rest } = entry;  // the canonical text keeps 64-bit integers exact
  return `${JSON.stringify(rest).slice(0, -1)},"seal_data":${seal_data_canonical ?? "null"}}\n`;
}

export function receiptFile(entry, proof) {
  const { seal_data, seal_data_canonical, created_at, ...receipt } = entry;
  const { leaf_index, tree_size, proof: path, checkpoint } = proof;
  return `${JSON.stringify({ ...receipt, duplicate: false, leaf_index, tree_size, proof: path, checkpoint })}\n`;
}
