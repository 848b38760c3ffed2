// Small drawings: what happened in the last minutes, how it is spread, how far something has come. Each says in words too.
import { h, mark, number, svg, VERDICTS } from "./dom.js";

const picture = (label, box, ...shapes) =>
  svg("svg", { viewBox: `0 0 ${box.join(" ")}`, preserveAspectRatio: "none", class: "chart", role: "img",
    "aria-label": label }, shapes);

/** A line over `values`, oldest first; the newest at the right edge, `room` values wide. */
export function line(values, room, label) {
  const [width, height] = [240, 48];
  const top = Math.max(...values, 1e-9) * 1.08;
  const x = (index) => width - ((values.length - 1 - index) * width) / (room - 1);
  const y = (value) => height - 1 - (value / top) * (height - 3);
  const points = values.map((value, index) => `${x(index).toFixed(1)} ${y(value).toFixed(1)}`);
  return picture(label, [width, height], svg("path", { d: `M0 ${height - 0.5}H${width}`, class: "base" }),
    points.length > 1 && [svg("path", { d: `M${x(0).toFixed(1)} ${height}L${points.join("L")}V${height}z`,
      class: "area" }),
      svg("path", { d: `M${points.join("L")}`, class: "stroke" })]);
}

/** Bars of a histogram {bounds, counts (cumulative)}, from its first filled bucket to its last. */
export function bars({ bounds, counts }, label) {
  const single = counts.map((count, index) => count - (counts[index - 1] ?? 0));
  const from = Math.max(0, single.findIndex((count) => count > 0) - 1);
  const to = Math.min(single.length, single.findLastIndex((count) => count > 0) + 2);
  const shown = single.slice(from, to);
  const [width, height, most] = [240, 48, Math.max(...shown, 1)];
  const step = width / Math.max(shown.length, 8);
  return { low: bounds[from - 1] ?? 0, high: bounds[to - 1] ?? bounds.at(-1), chart: picture(label, [width, height],
    svg("path", { d: `M0 ${height - 0.5}H${width}`, class: "base" }),
    shown.map((count, index) => {
      const tall = count === 0 ? 0 : Math.max(1.5, (count / most) * (height - 3));
      return svg("rect", { x: (index * step + step * 0.1).toFixed(1), y: (height - tall).toFixed(1),
        width: (step * 0.8).toFixed(1),
        height: tall.toFixed(1), class: "bar" });
    })) };
}

/** The quantile of a cumulative histogram, linear inside its bucket; null where it is empty. */
export function quantile({ bounds, counts }, q) {
  const wanted = q * counts.at(-1);
  const index = counts.findIndex((count) => count >= wanted && count > 0);
  if (index < 0) return null;
  if (index >= bounds.length) return bounds.at(-1);
  const [low, below] = [bounds[index - 1] ?? 0, counts[index - 1] ?? 0];
  return low + ((bounds[index] - low) * (wanted - below)) / (counts[index] - below || 1);
}

/** newer - older, of two readings of one histogram; the newer one where vaultd has been started again in between. */
export const since = (older, newer) => (!older || older.count > newer.count ? newer
  : { bounds: newer.bounds, counts: newer.counts.map((count, index) => count - older.counts[index]),
    count: newer.count - older.count });

/** How many of each verdict, as one bar and in words. `counts`: {verdict: number}. */
export function mix(counts, what) {
  const total = VERDICTS.reduce((sum, verdict) => sum + (counts[verdict] ?? 0), 0);
  const share = (verdict) => (100 * (counts[verdict] ?? 0)) / (total || 1);
  let at = 0;
  const parts = VERDICTS.filter((verdict) => counts[verdict] > 0).map((verdict) => {
    const part = svg("rect", { x: at, y: 0, width: Math.max(0.4, share(verdict) - 0.3), height: 10,
      class: `fill v-${verdict}` });
    at += share(verdict);
    return part;
  });
  const percent = (value) => `${value > 0 && value < 1 ? "<1" : Math.round(value)}\u202f%`;
  return [picture(`Verdicts of ${what}`, [100, 10], svg("rect", { width: 100, height: 10, class: "empty" }), parts),
    h("ul", { class: "legend" }, VERDICTS.map((verdict) => h("li", { class: counts[verdict] ? "" : "none" },
      mark(verdict), h("span", {}, verdict),
      h("b", {}, number(counts[verdict])), h("span", { class: "muted" }, percent(share(verdict))))))];
}

/** How far checkpoint and auditor have come on the way from 1 to the head. `audited` is null where it is not known. */
export function ruler({ head, checkpoint, audited }) {
  const at = (value) => (100 * Math.min(value, head)) / (head || 1);
  const place = (value, kind) => svg("rect", { x: Math.max(0, at(value) - 0.35), y: kind === "signed" ? 0 : 4,
    width: 0.7, height: 10, class: kind });
  return picture(`Of ${number(head)} entries the checkpoint covers ${number(checkpoint)}` +
    `${audited === null ? "" : `; the auditor is at ${number(audited)}`}`, [100, 14],
  svg("rect", { y: 5, width: 100, height: 4, class: "empty" }), svg("rect", { y: 5, width: at(checkpoint), height: 4,
    class: "covered" }),
  place(checkpoint, "signed"), audited !== null && place(audited, "audited"));
}
