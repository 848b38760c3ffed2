// Now: the head, what the last minutes were like, what is raised, the last entries as they come.
import { bars, line, mix, quantile, ruler, since } from "./charts.js";
import { duration, fill, h, hash, number, plural, term, time, VERDICTS } from "./dom.js";
import { LAST_ENTRIES, live, SECONDS_KEPT, state } from "./live.js";
import { tape } from "./tape.js";

const RATE_OVER = 3;             // heartbeats that a rate is the mean of
const QUEUE_SEALS = 65_536;      // the bound that vaultd has by itself
const LATENCY_OVER_MS = 60_000;

/** Entries a second, one value a heartbeat. */
function rates(heartbeats) {
  return heartbeats.slice(1).map((beat, index) => {
    const from = heartbeats[Math.max(0, index + 1 - RATE_OVER)];
    return Math.max(0, (1000 * (beat.sequence - from.sequence)) / (beat.at - from.at || 1));
  });
}

const figure = (name, id) => h("section", { class: `figure ${id}`, "aria-labelledby": `${id}-name` },
  h("h2", { id: `${id}-name` }, name), h("div"));

export function view(main, signal) {
  const parts = Object.fromEntries([["head", "Head"], ["rate", "Rate"], ["latency", "Commit latency"],
    ["queue", "Queue"],
    ["reach", "Signed and audited"], ["mix", "Verdicts"]].map(([id, name]) => [id, figure(name, id)]));
  const list = h("ol", { class: "tape", "aria-label": "The last entries, newest first" });
  const nothing = h("p", { class: "muted", hidden: true },
    "No entry has been sealed yet. The first one will appear here by itself.");
  main.append(h("h1", { class: "for-readers", tabindex: "-1" }, "Now"), h("div", { class: "now" },
    h("div", { class: "instruments" }, Object.values(parts)),
    h("section", { class: "last", "aria-labelledby": "last-name" }, h("h2", { id: "last-name" }, "Last entries"),
      nothing, list)));
  const body = (id) => parts[id].lastElementChild;

  function drawHead() {
    const last = state.entries[0];
    const sequence = last?.sequence ?? state.sequence;  // number, hash and time of one entry, if half a second old
    fill(body("head"), h("p", { class: "big" }, sequence === null ? "–" : number(sequence)),
      last ? [hash(last.entry_hash), h("p", {}, time(last.timestamp))] : h("p", { class: "muted" }, sequence === 0
        ? "an empty ledger" : "…"));
  }

  function drawRate() {
    const values = rates(state.heartbeats);
    const now = values.at(-1);
    const shown = now === undefined ? "–" : now < 10 ? now.toFixed(1).replace(/\.0$/, "") : number(Math.round(now));
    fill(body("rate"), h("p", { class: "value" }, shown, h("span", { class: "unit" }, "entries/s")),
      line(values, SECONDS_KEPT, `Entries a second over the last ${Math.round(values.length / 60)} minutes`),
      h("p", { class: "scale" }, h("span", {}, `last ${SECONDS_KEPT / 60} min`),
        h("span", {}, `peak ${number(Math.round(Math.max(0, ...values)))}`)));
  }

  function drawLatency() {
    const newest = state.latencies.at(-1);
    const older = state.latencies.find((one) => one.at > (newest?.at ?? 0) - LATENCY_OVER_MS);
    let shown = newest && since(older, newest);
    const recent = shown?.count > 0;
    if (!recent) shown = newest;
    if (!shown?.count) return fill(body("latency"), h("p", { class: "value" }, "–"), h("p", { class: "muted" },
      "no commit yet"));
    const [half, most] = [quantile(shown, 0.5), quantile(shown, 0.99)];
    const { chart, low, high } = bars(shown,
      `Commits by how long they took: half within ${duration(half)}, 99 of 100 within ${duration(most)}`);
    return fill(body("latency"), h("p", { class: "value" }, duration(half), h("span", { class: "unit" },
      `p50 · p99 ${duration(most)}`)), chart,
      h("p", { class: "scale" }, h("span", {}, low ? duration(low) : "0"), h("span", {}, recent ? "last minute"
        : "since start"), h("span", {}, duration(high))));
  }

  function drawStatus() {
    const { status } = state;
    fill(body("queue"), h("p", { class: "value" }, number(status.queue_depth), h("span", { class: "unit" },
      "seals waiting")),
      h("meter", { min: 0, max: QUEUE_SEALS, value: status.queue_depth, "aria-label": "Seals in the writer's queue" }),
      h("p", { class: "scale" }, h("span", {}, `${number(status.in_flight)} in flight`),
        h("span", {}, `epoch ${number(status.writer_epoch)}`)));
    const sealed = VERDICTS.some((verdict) => status.sealed?.[verdict] > 0);
    const seen = sealed ? status.sealed : Object.fromEntries(VERDICTS.map((verdict) => [verdict,
      state.entries.filter((entry) => entry.verdict === verdict).length]));
    const what = sealed ? "what this vaultd has sealed"
      : `the last ${plural(state.entries.length, "entry", "entries")}`;
    fill(body("mix"), mix(seen, what), h("p", { class: "scale" }, h("span", {}, `of ${what}`)));
    const { checkpoint } = state;
    const audited = status.gauges?.audit_position ?? null;
    const pass = status.gauges?.audit_pass_age_seconds;
    fill(body("reach"), ruler({ head: state.sequence, checkpoint, audited }), h("dl", { class: "pairs" },
      term(h("span", { class: "key signed" }, "checkpoint"), `covers ${number(checkpoint)}`,
        state.sequence > checkpoint && h("span", { class: "muted" },
          `, ${number(state.sequence - checkpoint)} not yet`)),
      audited !== null && term(h("span", { class: "key audited" }, "auditor"), `at ${number(audited)}`,
        pass !== undefined && h("span", { class: "muted" }, `, last whole round ${duration(pass)} ago`))));
  }

  async function drawEntries() {
    nothing.hidden = state.entries.length > 0 || state.sequence !== 0;
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const fits = Math.floor((innerHeight - 10 * rem) / (3.75 * rem));
    await tape(list, state.entries.slice(0, Math.min(LAST_ENTRIES, Math.max(8, fits))), { fresh: true });
  }

  const draw = { entries: () => { drawEntries(); drawHead(); }, heartbeat: () => { drawRate(); drawHead(); },
    connection: () => {}, memory: () => {},
    status: () => { drawHead(); drawLatency(); drawStatus(); } };
  live.addEventListener("change", ({ detail }) => draw[detail]?.(), { signal });
  drawHead();
  drawRate();
  if (state.status) draw.status();
  drawEntries();
}
