// Now: the head, the last minutes, raised alerts, and the last entries as they arrive. Words describe the charts too.
import { duration, fill, h, hash, mark, muted, number, plural, svg, term, time, VERDICTS } from "./dom.js";
import { tape } from "./entry.js";
import { inEmergency, LAST_ENTRIES, live, SECONDS_KEPT, state } from "./live.js";

const RATE_OVER = 3;                // number of heartbeats over which a rate is averaged
const QUEUE_SEALS = 65_536;         // vaultd's default limit
const LATENCY_OVER_MS = 60_000;
const [WIDTH, HEIGHT] = [240, 48];  // of a chart
const FIGURES = { head: "Head", rate: "Rate", latency: "Commit latency", queue: "Queue", reach: "Signed and audited",
  mix: "Verdicts" };

const picture = (label, width, height, ...shapes) => svg("svg",
  { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", class: "chart", role: "img", "aria-label": label },
  shapes);
const onBase = (label, ...shapes) =>
  picture(label, WIDTH, HEIGHT, svg("path", { d: `M0 ${HEIGHT - 0.5}H${WIDTH}`, class: "base" }), shapes);

/** A line over `values`, oldest first; the newest at the right edge, `room` values wide. */
function line(values, room, label) {
  const top = Math.max(...values, 1e-9) * 1.08;
  const x = (index) => (WIDTH - ((values.length - 1 - index) * WIDTH) / (room - 1)).toFixed(1);
  const y = (value) => (HEIGHT - 1 - (value / top) * (HEIGHT - 3)).toFixed(1);
  const points = values.map((value, index) => `${x(index)} ${y(value)}`).join("L");
  return onBase(label, values.length > 1 && [
    svg("path", { d: `M${x(0)} ${HEIGHT}L${points}V${HEIGHT}z`, class: "area" }),
    svg("path", { d: `M${points}`, class: "stroke" })]);
}

/** Bars of a histogram {bounds, counts (cumulative)}, from its first filled bucket to its last. */
function bars({ bounds, counts }, label) {
  const single = counts.map((count, index) => count - (counts[index - 1] ?? 0));
  const from = Math.max(0, single.findIndex((count) => count > 0) - 1);
  const to = Math.min(single.length, single.findLastIndex((count) => count > 0) + 2);
  const shown = single.slice(from, to);
  const most = Math.max(...shown, 1);
  const step = WIDTH / Math.max(shown.length, 8);
  const chart = onBase(label, shown.map((count, index) => {
    const tall = count === 0 ? 0 : Math.max(1.5, (count / most) * (HEIGHT - 3));
    return svg("rect", { x: (index * step + step * 0.1).toFixed(1), y: (HEIGHT - tall).toFixed(1),
      width: (step * 0.8).toFixed(1), height: tall.toFixed(1), class: "bar" });
  }));
  return { low: bounds[from - 1] ?? 0, high: bounds[to - 1] ?? bounds.at(-1), chart };
}

/** The quantile of a cumulative histogram, linear inside its bucket; null where it is empty. */
function quantile({ bounds, counts }, q) {
  const wanted = q * counts.at(-1);
  const index = counts.findIndex((count) => count >= wanted && count > 0);
  if (index < 0) return null;
  if (index >= bounds.length) return bounds.at(-1);
  const [low, below] = [bounds[index - 1] ?? 0, counts[index - 1] ?? 0];
  return low + ((bounds[index] - low) * (wanted - below)) / (counts[index] - below || 1);
}

/** newer - older, of two readings of one histogram; the newer one if vaultd was restarted in between. */
const since = (older, newer) => (!older || older.count > newer.count ? newer
  : { bounds: newer.bounds, counts: newer.counts.map((count, index) => count - older.counts[index]),
    count: newer.count - older.count });

/** How many of each verdict, as one bar and in words. `counts`: {verdict: number}. */
function mix(counts, what) {
  const total = VERDICTS.reduce((sum, verdict) => sum + (counts[verdict] ?? 0), 0);
  const share = (verdict) => (100 * (counts[verdict] ?? 0)) / (total || 1);
  const percent = (value) => `${value > 0 && value < 1 ? "<1" : Math.round(value)}\u202f%`;
  let at = 0;
  const parts = VERDICTS.filter((verdict) => counts[verdict] > 0).map((verdict) => {
    const x = at;
    at += share(verdict);
    return svg("rect", { x, width: Math.max(0.4, share(verdict) - 0.3), height: 10, class: `fill v-${verdict}` });
  });
  return [picture(`Verdicts of ${what}`, 100, 10, svg("rect", { width: 100, height: 10, class: "empty" }), parts),
    h("ul", { class: "legend" }, VERDICTS.map((verdict) => h("li", { class: counts[verdict] ? "" : "none" },
      mark(verdict), h("span", {}, verdict), h("b", {}, number(counts[verdict])), muted(percent(share(verdict))))))];
}

/** How far checkpoint and auditor have come between 1 and the head. `audited` is null if unknown. */
function ruler({ head, checkpoint, audited }) {
  const at = (value) => (100 * Math.min(value, head)) / (head || 1);
  const place = (value, y, kind) =>
    svg("rect", { x: Math.max(0, at(value) - 0.35), y, width: 0.7, height: 10, class: kind });
  const said = `Of ${number(head)} entries the checkpoint covers ${number(checkpoint)}`;
  return picture(audited === null ? said : `${said}; the auditor is at ${number(audited)}`, 100, 14,
    svg("rect", { y: 5, width: 100, height: 4, class: "empty" }),
    svg("rect", { y: 5, width: at(checkpoint), height: 4, class: "covered" }),
    place(checkpoint, 0, "signed"), audited !== null && place(audited, 4, "audited"));
}

/** Entries a second, one value per heartbeat. */
function rates(heartbeats) {
  return heartbeats.slice(1).map((beat, index) => {
    const from = heartbeats[Math.max(0, index + 1 - RATE_OVER)];
    return Math.max(0, (1000 * (beat.sequence - from.sequence)) / (beat.at - from.at || 1));
  });
}

const figure = (value, unit) => h("p", { class: "value" }, value, unit && h("span", { class: "unit" }, unit));
const scale = (...texts) => h("p", { class: "scale" }, texts.map((text) => h("span", {}, text)));

export function view(main, signal) {
  const parts = Object.entries(FIGURES).map(([id, name]) => h("section", { class: `figure ${id}`,
    "aria-labelledby": `${id}-name` }, h("h2", { id: `${id}-name` }, name), h("div")));
  const list = h("ol", { class: "tape", "aria-label": "The last entries, newest first" });
  const nothing = h("p", { class: "muted", hidden: true },
    "No entry has been sealed yet. The first one will appear here by itself.");
  main.append(h("h1", { class: "for-readers", tabindex: "-1" }, "Now"), h("div", { class: "now" },
    h("div", { class: "instruments" }, parts),
    h("section", { class: "last", "aria-labelledby": "last-name" }, h("h2", { id: "last-name" }, "Last entries"),
      nothing, list)));
  const put = (id, ...content) => fill(main.querySelector(`.${id} > div`), content);

  function drawHead() {
    const last = state.entries[0];
    const sequence = last?.sequence ?? state.sequence;  // number, hash and time of one entry, even if half a second old
    put("head", h("p", { class: "big" }, sequence === null ? "–" : number(sequence)),
      last?.entry_hash ? [hash(last.entry_hash), h("p", {}, time(last.timestamp))]
        : h("p", { class: "muted" }, sequence === 0 ? "an empty ledger" : "…"));
  }

  function drawRate() {
    const values = rates(state.heartbeats);
    const now = values.at(-1);
    const shown = now === undefined ? "–" : now < 10 ? now.toFixed(1).replace(/\.0$/, "") : number(Math.round(now));
    put("rate", figure(shown, "entries/s"),
      line(values, SECONDS_KEPT, `Entries a second over the last ${Math.round(values.length / 60)} minutes`),
      scale(`last ${SECONDS_KEPT / 60} min`, `peak ${number(Math.round(Math.max(0, ...values)))}`));
  }

  function drawLatency() {
    const newest = state.latencies.at(-1);
    if (!newest?.count) return put("latency", figure("–"), h("p", { class: "muted" }, "no commit yet"));
    const lately = since(state.latencies.find((one) => one.at > newest.at - LATENCY_OVER_MS), newest);
    const shown = lately.count > 0 ? lately : newest;
    const [half, most] = [duration(quantile(shown, 0.5)), duration(quantile(shown, 0.99))];
    const { chart, low, high } = bars(shown,
      `Commits by how long they took: half within ${half}, 99 of 100 within ${most}`);
    return put("latency", figure(half, `p50 · p99 ${most}`), chart,
      scale(low ? duration(low) : "0", shown === lately ? "last minute" : "since start", duration(high)));
  }

  function drawStatus() {
    const { status, checkpoint, entries, sequence } = state;
    put("queue", figure(number(status.queue_depth), "seals waiting"),
      h("meter", { min: 0, max: QUEUE_SEALS, value: status.queue_depth, "aria-label": "Seals in the writer's queue" }),
      scale(`${number(status.in_flight)} in flight`, `epoch ${number(status.writer_epoch)}`));
    const sealed = VERDICTS.some((verdict) => status.sealed?.[verdict] > 0);
    const seen = sealed ? status.sealed : Object.fromEntries(VERDICTS.map((verdict) =>
      [verdict, entries.filter((entry) => entry.verdict === verdict).length]));
    const what = sealed ? "what this vaultd has sealed" : `the last ${plural(entries.length, "entry", "entries")}`;
    put("mix", mix(seen, what), scale(`of ${what}`));
    const { audit_position: audited = null, audit_pass_age_seconds: pass } = status.gauges ?? {};
    put("reach", ruler({ head: sequence, checkpoint, audited }), h("dl", { class: "pairs" },
      term(h("span", { class: "key signed" }, "checkpoint"), `covers ${number(checkpoint)}`,
        sequence > checkpoint && muted(`, ${number(sequence - checkpoint)} not yet`)),
      audited !== null && term(h("span", { class: "key audited" }, "auditor"), `at ${number(audited)}`)),
    audited !== null && pass !== undefined && scale(`last whole round ${pass < 2 ? "just now" : `${duration(pass)} ago`}`));
  }

  function drawEntries() {
    nothing.hidden = state.entries.length > 0 || state.sequence !== 0 || inEmergency();
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const fits = Math.floor((innerHeight - 10 * rem) / (3.75 * rem));
    tape(list, state.entries.slice(0, Math.min(LAST_ENTRIES, Math.max(8, fits))), { fresh: true });
  }

  const draw = { entries: [drawEntries, drawHead], heartbeat: [drawRate, drawHead],
    status: [drawHead, drawLatency, drawStatus] };
  const redraw = (what) => { if (state.status || what !== "status") draw[what]?.forEach((one) => one()); };
  live.addEventListener("change", ({ detail }) => redraw(detail), { signal });
  Object.keys(draw).forEach(redraw);
}
