// Canonical JSON text as a tree that can be looked at. Numbers stay the text that they are: a reader of JSON in a browser
// would round 64-bit integers. What is shown comes from the very text that is hashed.
import { h } from "./dom.js";

const PAGE = 100;          // members shown at once
const STRING_SHOWN = 2000; // characters of a string shown at once
const NAMES = { t: "true", f: "false", n: "null" };

/** {kind: "object", members: [[name, node]]} | {kind: "array", members: [[index, node]]} | {kind, text}. */
export function parse(text) {
  let at = 0;
  const fail = () => { throw new SyntaxError(`not canonical JSON at character ${at}`); };
  const expect = (character) => (text[at] === character ? at++ : fail());

  function string() {
    const start = at;
    expect('"');
    for (; text[at] !== '"'; at++) {
      if (at >= text.length) fail();
      if (text[at] === "\\") at++;
    }
    return JSON.parse(text.slice(start, ++at));
  }

  function members(close, one) {
    const found = [];
    at++;
    if (text[at] === close) return at++, found;
    for (;;) {
      found.push(one(found.length));
      if (text[at] === close) return at++, found;
      expect(",");
    }
  }

  function value() {
    const character = text[at];
    if (character === "{") return { kind: "object", members: members("}", () => [string(), (expect(":"), value())]) };
    if (character === "[") return { kind: "array", members: members("]", (index) => [index, value()]) };
    if (character === '"') return { kind: "string", text: string() };
    const name = NAMES[character];
    if (name && text.startsWith(name, at)) return (at += name.length), { kind: "literal", text: name };
    const number = /-?[0-9][0-9.eE+-]*/y;
    number.lastIndex = at;
    const match = number.exec(text) ?? fail();
    at = number.lastIndex;
    return { kind: "number", text: match[0] };
  }

  const node = value();
  if (at !== text.length) fail();
  return node;
}

// What would hide or turn round what stands beside it: control characters, bidirectional marks, zero width.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]/g;

/** Text with what is hidden in it made visible, as nodes; never markup. */
export function visible(text) {
  const parts = [];
  let from = 0;
  for (const match of text.matchAll(HIDDEN)) {
    parts.push(text.slice(from, match.index));
    const name = match[0] === "\n" ? "\\n" : match[0] === "\t" ? "\\t"
      : `\\u${match[0].charCodeAt(0).toString(16).padStart(4, "0")}`;
    parts.push(h("span", { class: "hidden-character" }, name), match[0] === "\n" ? "\n" : "");
    from = match.index + 1;
  }
  return [...parts, text.slice(from)];
}

/** As visible(), but at most so many characters until more is asked for. */
function long(text) {
  if (text.length <= STRING_SHOWN) return visible(text);
  const rest = h("span");
  let shown = STRING_SHOWN;
  const more = h("button", { type: "button", class: "quiet", click: () => {
    rest.append(...visible(text.slice(shown, shown * 4)));
    shown *= 4;
    if (shown >= text.length) more.remove();
  } }, `show more of ${text.length.toLocaleString("en")} characters`);
  return [...visible(text.slice(0, shown)), rest, " ", more];
}

function leaf(node) {
  const text = node.kind === "string" ? ['"', ...long(node.text), '"'] : [node.text];
  return h("bdi", { class: `json ${node.kind}` }, text);
}

/** The tree as elements; branches are built when they are opened. */
export function tree(node, depth = 0) {
  if (!node.members) return leaf(node);
  const list = h("ul", { class: "tree" });
  let shown = 0;
  const more = h("button", { type: "button", class: "quiet", click: () => grow() });
  function grow() {
    const next = node.members.slice(shown, shown + PAGE);
    shown += next.length;
    list.append(...next.map(([name, child]) => row(name, child, depth)));
    more.textContent = `show ${Math.min(PAGE, node.members.length - shown)} more of ${node.members.length.toLocaleString("en")}`;
    if (shown < node.members.length) list.append(h("li", {}, more));
    else more.parentElement?.remove();
  }
  grow();
  return list;
}

function row(name, child, depth) {
  const label = h("bdi", { class: typeof name === "number" ? "json index" : "json name" }, visible(String(name)));
  if (!child.members) return h("li", {}, label, " ", leaf(child));
  const count = child.members.length;
  const what = child.kind === "array" ? `[${count}]` : `{${count}}`;
  if (count === 0) return h("li", {}, label, " ", h("span", { class: "json count" }, child.kind === "array" ? "[]"
    : "{}"));
  const branch = h("details",
    { toggle: () => { if (branch.open && branch.childElementCount === 1) branch.append(tree(child, depth + 1)); } },
    h("summary", {}, label, " ", h("span", { class: "json count" }, what)));
  if (depth < 2 && count <= 20) branch.open = true;
  return h("li", {}, branch);
}
