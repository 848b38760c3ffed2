// Helpers shared by all views: elements, numbers, times, hashes, marks. Text from a ledger goes into the page as text
// nodes and attributes set by name, never as markup.

const NOTHING = [undefined, null, false];
const present = (children) => children.flat(Infinity).filter((child) => !NOTHING.includes(child));

const maker = (create) => (name, properties = {}, ...children) => {
  const element = create(name);
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (!NOTHING.includes(value)) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...present(children));
  return element;
};
/** h("a", {href, click: listener}, ...texts and nodes) */
export const h = maker((name) => document.createElement(name));
export const svg = maker((name) => document.createElementNS("http://www.w3.org/2000/svg", name));

/** Replaces the children of an element. */
export const fill = (element, ...children) => element.replaceChildren(...present(children));

export const heading = (text) => h("h1", { tabindex: "-1" }, text);
export const muted = (...content) => h("span", { class: "muted" }, content);
export const prose = (...content) => h("p", { class: "prose" }, content);
export const raw = (text) => h("pre", { class: "raw" }, text);
export const hash = (text) => h("code", { class: "hash" }, text);
export const term = (name, ...value) => h("div", { class: "term" }, h("dt", {}, name), h("dd", {}, value));
export const details = (summary, ...content) => h("details", {}, h("summary", {}, summary), content);
export const button = (label, click, more) => h("button", { type: "button", click, ...more }, label);
export const notice = (kind, ...content) =>
  h("p", { class: `notice ${kind}`, role: kind === "bad" ? "alert" : "status" }, content);

/** A form that passes its input to `take`, as {name: text}; empty fields are left out. */
export const form = (take, properties, ...fields) => h("form", { class: "search", ...properties, submit: (event) => {
  event.preventDefault();
  const given = [...new FormData(event.target)].map(([name, value]) => [name, value.trim()]);
  take(Object.fromEntries(given.filter(([, value]) => value)));
} }, fields);
export const field = (label, control) => h("label", { class: "field" }, h("span", {}, label), control);
export const input = (name, more) => h("input", { name, autocomplete: "off", spellcheck: "false", ...more });

export const number = (value) => (value ?? 0).toLocaleString("en");
export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

const local = new Intl.DateTimeFormat(undefined,
  { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short" });
const localDay = new Intl.DateTimeFormat("sv", { dateStyle: "short" });

/** A ledger timestamp in UTC, and the reader's local time if it differs. `digits`: fractional digits of the second. */
export function time(timestamp, digits = 6) {
  const at = new Date(timestamp);
  if (!timestamp || Number.isNaN(at.getTime())) return muted("–");
  const day = localDay.format(at);
  return h("span", { class: "time" },
    h("time", { datetime: timestamp }, timestamp.slice(0, 19 + (digits && digits + 1)).replace("T", " ").replace("Z", "")),
    h("abbr", { title: "Coordinated Universal Time" }, "UTC"),
    at.getTimezoneOffset() !== 0 && h("span", { class: "local", title: "your local time" },
      `${timestamp.startsWith(day) ? "" : `${day} `}${local.format(at)}`));
}

/** Seconds in the most readable unit: 420 µs, 3.1 ms, 12 s, 4 min, 3 h, 12 d. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "–";
  const [value, unit] = seconds < 1e-3 ? [seconds * 1e6, "µs"] : seconds < 1 ? [seconds * 1e3, "ms"]
    : seconds < 120 ? [seconds, "s"] : seconds < 7200 ? [seconds / 60, "min"]
    : seconds < 172800 ? [seconds / 3600, "h"] : [seconds / 86400, "d"];
  return `${value < 10 && unit !== "µs" ? value.toFixed(1).replace(/\.0$/, "") : Math.round(value)}\u202f${unit}`;
}

// A shape for each verdict, since not everybody can tell colours apart.
const SHAPES = {
  SEAL: [["circle", { cx: 8, cy: 8, r: 6 }]],
  PARTIAL: [["circle", { cx: 8, cy: 8, r: 5.2, class: "line" }], ["path", { d: "M8 2.8a5.2 5.2 0 0 0 0 10.4z" }]],
  SABAR: [["path", { d: "M3.2 2.5h9.6L8 8l4.8 5.5H3.2L8 8z" }]],
  VOID: [["path", { d: "M3.4 3.4l9.2 9.2m0-9.2l-9.2 9.2", class: "line thick" }]],
  "888_HOLD": [["rect", { x: 2.8, y: 2.8, width: 10.4, height: 10.4, rx: 1 }]],
  SUNSET: [["path", { d: "M3 9.4a5 5 0 0 1 10 0z" }], ["path", { d: "M1.6 12.4h12.8", class: "line" }]],
};
const OTHER = [["circle", { cx: 8, cy: 8, r: 5, class: "line dashed" }]];
export const VERDICTS = Object.keys(SHAPES);

/** The verdict's mark; its name is shown beside it. */
export function mark(verdict) {
  const known = VERDICTS.includes(verdict);
  return svg("svg", { viewBox: "0 0 16 16", class: `mark v-${known ? verdict : "other"}`, "aria-hidden": "true" },
    (known ? SHAPES[verdict] : OTHER).map((shape) => svg(...shape)));
}

const SIGNS = { yes: "M3.5 8.4l3 3.1 6-7", no: "M4 4l8 8m0-8l-8 8", unsure: "M4 8h8", wait: "M8 4v4l2.5 2" };
/** A sign for something that held, did not hold, or could not be checked. */
export const sign = (kind, label) => svg("svg",
  { viewBox: "0 0 16 16", class: `sign ${kind}`, role: "img", "aria-label": label },
  svg("circle", { cx: 8, cy: 8, r: 7, class: "disc" }), svg("path", { d: SIGNS[kind], class: "stroke" }));
