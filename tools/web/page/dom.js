// Small things that every view uses: elements, numbers, times, hashes, marks. Whatever comes from a ledger goes into the
// page as text nodes and attributes set by name, never as markup.

const maker = (create) => (name, properties = {}, ...children) => {
  const element = create(name);
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(key, value === true ? ""
      : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null &&
    child !== false));
  return element;
};
/** h("a", {href, click: listener}, ...texts and nodes) */
export const h = maker((name) => document.createElement(name));
export const svg = maker((name) => document.createElementNS("http://www.w3.org/2000/svg", name));

export const number = (value) => (value ?? 0).toLocaleString("en");
export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;
export const hash = (text) => h("code", { class: "hash" }, text);
export const short = (text) => h("code", { class: "hash short", title: text }, (text ?? "").slice(0, 16));

const local = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit",
  hourCycle: "h23",
  timeZoneName: "short" });
const localDay = new Intl.DateTimeFormat("sv", { dateStyle: "short" });

/** A ledger timestamp in UTC, and the reader's own time beside it. `digits` of the second. */
export function time(timestamp, digits = 6) {
  const at = new Date(timestamp);
  if (!timestamp || Number.isNaN(at.getTime())) return h("span", { class: "muted" }, "–");
  const utc = `${timestamp.slice(0, 10)} ${timestamp.slice(11, 19)}${digits ? timestamp.slice(19, 20 + digits).replace("Z", "") : ""}`;
  const day = localDay.format(at);
  const here = `${day === timestamp.slice(0, 10) ? "" : `${day} `}${local.format(at)}`;
  return h("span", { class: "time" }, h("time", { datetime: timestamp }, utc),
    h("abbr", { title: "Coordinated Universal Time" }, "UTC"),
    h("span", { class: "local", title: "your local time" }, here));
}

/** Seconds in the unit that reads best: 420 µs, 3.1 ms, 12 s, 4 min, 3 h, 12 d. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "–";
  const [value, unit] = seconds < 1e-3 ? [seconds * 1e6, "µs"] : seconds < 1 ? [seconds * 1e3, "ms"] : seconds < 120
    ? [seconds, "s"]
    : seconds < 7200 ? [seconds / 60, "min"] : seconds < 172800 ? [seconds / 3600, "h"] : [seconds / 86400, "d"];
  return `${value < 10 && unit !== "µs" ? value.toFixed(1).replace(/\.0$/, "") : Math.round(value)}\u202f${unit}`;
}

// A shape for each verdict, since a colour alone is none for everybody.
const SHAPES = {
  SEAL: () => [svg("circle", { cx: 8, cy: 8, r: 6 })],
  PARTIAL: () => [svg("circle", { cx: 8, cy: 8, r: 5.2, class: "line" }),
    svg("path", { d: "M8 2.8a5.2 5.2 0 0 0 0 10.4z" })],
  SABAR: () => [svg("path", { d: "M3.2 2.5h9.6L8 8l4.8 5.5H3.2L8 8z" })],
  VOID: () => [svg("path", { d: "M3.4 3.4l9.2 9.2m0-9.2l-9.2 9.2", class: "line thick" })],
  "888_HOLD": () => [svg("rect", { x: 2.8, y: 2.8, width: 10.4, height: 10.4, rx: 1 })],
  SUNSET: () => [svg("path", { d: "M3 9.4a5 5 0 0 1 10 0z" }), svg("path", { d: "M1.6 12.4h12.8", class: "line" })],
};
export const VERDICTS = Object.keys(SHAPES);

/** The verdict's mark; its name stands beside it, or `label` names it. */
export function mark(verdict, label) {
  const shape = SHAPES[verdict]?.() ?? [svg("circle", { cx: 8, cy: 8, r: 5, class: "line dashed" })];
  return svg("svg", { viewBox: "0 0 16 16", class: `mark v-${SHAPES[verdict] ? verdict : "other"}`,
    ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }) }, shape);
}

const SIGNS = { yes: "M3.5 8.4l3 3.1 6-7", no: "M4 4l8 8m0-8l-8 8", unsure: "M4 8h8", wait: "M8 4v4l2.5 2" };
/** A sign for what held, what did not, what could not be told. */
export const sign = (kind, label) => svg("svg", { viewBox: "0 0 16 16", class: `sign ${kind}`, role: "img",
  "aria-label": label },
  svg("circle", { cx: 8, cy: 8, r: 7, class: "disc" }), svg("path", { d: SIGNS[kind], class: "stroke" }));

/** Takes new children, unless the reader is in there with keyboard or mouse selection. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined &&
    child !== false));
  return element;
}
export const term = (name, ...value) => h("div", { class: "term" }, h("dt", {}, name), h("dd", {}, value));
export const notice = (kind, ...content) => h("p", { class: `notice ${kind}`, role: kind === "bad" ? "alert"
  : "status" }, content);
