// Follows vaultd for as long as the page is open: heartbeats and alerts from the event stream, status every two
// seconds, the last entries at most twice a second. Reconnects by itself. Views listen to `change`.
import { ApiError, get, stream } from "./api.js";
import { remember } from "./memory.js";

const STATUS_EVERY_MS = 2_000;
const HIDDEN_EVERY_MS = 15_000;    // while the page is hidden
const ENTRIES_EVERY_MS = 500;
const CHECKPOINT_EVERY_MS = 10_000;
const RETRY_MS_MAX = 5_000;
export const LAST_ENTRIES = 20;
export const SECONDS_KEPT = 240;

export const live = new EventTarget();
export const state = {
  connected: null,      // whether vaultd answers; null: not known yet
  problem: "",          // why it does not
  since: new Date(),    // since when
  status: null,
  sequence: null,       // the head's
  checkpoint: null,     // entries that the newest checkpoint covers
  alerts: [],           // {kind, severity, since, message, sequence?}, the worst first
  entries: [],          // the last ones, newest first
  heartbeats: [],       // {at (ms), sequence}
  latencies: [],        // {at, histogram of commit_seconds}
  memory: null,         // what this browser remembers of the log (memory.js), and `at`; `old`: not looked at since
};

/** Whether vaultd keeps seals in files, since its database is away. */
export const inEmergency = () => state.status?.backend === "legacy";

const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });
const changed = (what) => live.dispatchEvent(new CustomEvent("change", { detail: what }));

function connection(connected, problem = "") {
  const since = state.connected === connected ? state.since : new Date();
  Object.assign(state, { connected, problem, since });
  if (!connected) [newCheckpoint, remembered] = [true, -Infinity];  // whatever comes back is looked at anew
  if (!connected && state.memory) state.memory.old = true;
  changed("connection");
}

function keep(list, item) {
  list.push(item);
  while (list.length && list[0].at < item.at - SECONDS_KEPT * 1000) list.shift();
}

let wanted = true;  // entries: there are newer ones than those that were read
function head(sequence) {
  wanted ||= sequence !== state.sequence;
  state.sequence = sequence;
}

let alerted = false;  // status has not been read since
async function readStatus() {
  try {
    alerted = false;
    const status = await get("status", {}, null, 10_000);
    wanted ||= inEmergency() || status.backend === "legacy";  // a seal that is kept moves no head
    state.status = status;
    if (inEmergency()) state.heartbeats = [];  // their sequence is no head's
    state.alerts = status.alert_details ?? status.alerts.map((kind) => ({ kind, severity: "alert", message: "is raised" }));
    const commits = status.histograms?.commit_seconds;
    if (commits) keep(state.latencies, { at: Date.now(), ...commits });
    state.checkpoint = Math.max(state.checkpoint, status.counters.checkpoint_size ?? 0);
    head(status.sequence);
    connection(true);
    changed("status");
  } catch (error) {
    if (!(error instanceof ApiError)) console.error(error);  // a bug of ours; the next turn may do better
    connection(false, error.code === "unreachable" ? "vault-web does not answer" : "vaultd does not answer");
  }
}

async function readEntries() {
  if (!wanted || state.connected === false) return;
  wanted = false;
  try {
    state.entries = (await get("entries", { limit: LAST_ENTRIES })).entries;
    changed("entries");
  } catch {
    wanted = true;  // status says why
  }
}

function take({ event, data }) {
  if (event === "link" && !data.connected) connection(false, "vaultd does not answer");
  if (event === "heartbeat") {
    if (!inEmergency()) keep(state.heartbeats, { at: Date.now(), sequence: data.sequence });
    head(data.sequence);
    changed("heartbeat");
  }
  if (event === "alert") alerted = true;  // status tells it in full
  if (event === "checkpoint") {
    state.checkpoint = data.tree_size;
    newCheckpoint = true;
  }
}

let newCheckpoint = true;
let remembered = -Infinity;
async function readMemory() {
  if (!newCheckpoint || !state.connected || Date.now() - remembered < CHECKPOINT_EVERY_MS) return;
  [newCheckpoint, remembered] = [false, Date.now()];
  state.memory = await remember().then((memory) => ({ ...memory, at: new Date() }), (error) => {
    newCheckpoint = true;
    return { ...(state.memory?.at ? state.memory : { kind: "unknown", message: error.message }), old: true };
  });
  changed("memory");
}

async function follow() {
  for (let wait = 250;; wait = Math.min(2 * wait, RETRY_MS_MAX)) {
    try {
      for await (const event of stream("events", { topics: "checkpoint,alert,heartbeat" })) {
        wait = 250;
        take(event);
      }
    } catch (error) {
      if (!(error instanceof ApiError)) console.error(error);
    }
    await pause(wait);
  }
}

async function every(call, ms, early = () => false) {
  for (;;) {
    await call();
    const ended = Date.now();
    do await pause(250); while (!early() && Date.now() - ended < (document.hidden ? HIDDEN_EVERY_MS : ms));
  }
}

export function start() {
  follow();
  every(readStatus, STATUS_EVERY_MS, () => alerted);
  every(readEntries, ENTRIES_EVERY_MS);
  every(readMemory, ENTRIES_EVERY_MS);
}
