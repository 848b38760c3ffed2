// This browser's memory of the log: the newest checkpoint that it has checked, kept in localStorage. A history that was
// rewritten since does not continue it, whoever rewrote it and however consistently.
import { get } from "./api.js";
import { canCheck, continues, parseCheckpoint, signedBy, unhex, Unsupported } from "./ledger.js";

const KEY = "vault999.checkpoint";

/** {note, vkey, since (ISO)} or null. */
export function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEY));
  } catch {
    return null;  // localStorage is not available, or holds something else
  }
}

const keep = (memory) => {
  try {
    localStorage.setItem(KEY, JSON.stringify(memory));
  } catch { /* a browser without storage remembers nothing; the view says so */ }
};

/** From now on, remember the log that vault-web shows. For a reader who has found out why it changed. */
export const forget = () => localStorage.removeItem(KEY);

/**
 * Compares the log's newest checkpoint with the remembered one, and remembers it if it continues that one.
 * {kind, message, now: {size, root, note, vkey}, then, since}; kinds: "new", "continued", "same", and the red ones:
 * "rewritten", "shorter", "other" (log or key), "unsigned". Throws Unsupported if this browser cannot check.
 */
export async function remember() {
  if (!canCheck) throw new Unsupported("this page is not in a secure context (https or localhost)");
  const { checkpoint: note, vkey } = await get("checkpoint");
  const old = remembered();
  const now = { ...parseCheckpoint(note), note, vkey };
  const told = (kind, message) => ({ kind, message, now, then: old, since: old?.since });
  const signed = await signedBy(now, vkey);
  if (!signed) return told("unsigned", "The log's newest checkpoint is not signed by the log's key.");
  if (!old) {
    keep({ note, vkey, since: new Date().toISOString() });
    return told("new", "This browser sees this log for the first time.");
  }
  const then = parseCheckpoint(old.note);
  if (old.vkey !== vkey) return told("other",
    "This is not the log, or not the key, that this browser has seen here before.");
  if (now.size === then.size && now.root === then.root) return told("same", "");
  // A following vaultd may show an older checkpoint: still, it must be consistent with the remembered one.
  const [first, second] = now.size < then.size ? [now, then] : [then, now];
  let proof = [];
  if (first.size > 0 && first.size !== second.size) {
    try {
      ({ proof } = await get("consistency", { first: first.size, second: second.size }));
    } catch (error) {
      if (error.code !== "not_found" || second === now) throw error;
      return told("shorter", "The ledger holds fewer entries than a checkpoint covers that this browser has seen.");
    }
  }
  const [firstRoot, secondRoot, ...path] = [first.root, second.root, ...proof].map((one) => unhex(one, 32));
  if (first.size > 0 && !(await continues(first.size, second.size, firstRoot, secondRoot, path))) {
    return told("rewritten", "The history was rewritten: it does not continue the checkpoint that this browser has seen.");
  }
  if (second === now) keep({ ...old, note });
  return told("continued", "");
}
