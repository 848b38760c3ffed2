// Canonical JSON text as a tree to browse. Numbers are kept as text: a JSON reader in a browser would round 64-bit
// integers. What is shown comes from the very text that is hashed.
import { button, h, number } from "./dom.js";

const PAGE = 100;          // members shown at once
const STRING_SHOWN = 2000; // characters of a string shown at once
const OTHERS = /(true|false|null)|-?[0-9][0-9.eE+-]*/y;

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
    while (text[at] !== close) {
      if (found.length > 0) expect(",");
      found.push(one(found.length));
    }
    at++;
    return found;
  }

  function value() {
    const character = text[at];
    if (character === "{") return { kind: "object", members: members("}", () => [string(), (expect(":"), value())]) };
    if (character === "[") return { kind: "array", members: members("]", (index) => [index, value()]) };
    if (character === '"') return { kind: "string", text: string() };
    OTHERS.lastIndex = at;
    const [found, literal] = OTHERS.exec(text) ?? fail();
    at += found.length;
    return { kind: literal ? "literal" : "number", text: found };
  }

  const node = value();
  if (at !== text.length) fail();
  return node;
}

// Characters that would hide or reorder the text beside them: control characters, bidirectional marks, zero width.
const HIDDEN = /([\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff])/;
const NAMES = { "\n": "\\n", "\t": "\\t" };

/** Text with its hidden characters made visible, as nodes; never markup. */
export const visible = (text) => text.split(HIDDEN).flatMap((part, index) => {
  if (index % 2 === 0) return part;  // between two hidden ones
  const name = NAMES[part] ?? `\\u${part.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return [h("span", { class: "hidden-character" }, name), part === "\n" ? "\n" : ""];
});

/** As visible(), but only a limited number of characters until more are requested. */
function long(text) {
  if (text.length <= STRING_SHOWN) return visible(text);
  const rest = h("span");
  let shown = STRING_SHOWN;
  const more = button(`show more of ${number(text.length)} characters`, () => {
    rest.append(...visible(text.slice(shown, shown * 4)));
    shown *= 4;
    if (shown >= text.length) more.remove();
  }, { class: "quiet" });
  return [visible(text.slice(0, shown)), rest, " ", more];
}

const leaf = ({ kind, text }) => h("bdi", { class: `json ${kind}` }, kind === "string" ? ['"', long(text), '"'] : text);

/** The tree as elements; branches are built when they are opened. */
export function tree(node, depth = 0) {
  if (!node.members) return leaf(node);
  const more = button("", grow, { class: "quiet" });
  const last = h("li", {}, more);
  const list = h("ul", { class: "tree" }, last);
  let shown = 0;
  function grow() {
    const next = node.members.slice(shown, shown + PAGE);
    shown += next.length;
    last.before(...next.map(([name, child]) => row(name, child, depth)));
    const left = node.members.length - shown;
    more.textContent = `show ${Math.min(PAGE, left)} more of ${number(node.members.length)}`;
    if (left === 0) last.remove();
  }
  grow();
  return list;
}

function row(name, child, depth) {
  const label = h("bdi", { class: `json ${typeof name === "number" ? "index" : "name"}` }, visible(String(name)));
  if (!child.members) return h("li", {}, label, " ", leaf(child));
  const [open, close] = child.kind === "array" ? "[]" : "{}";
  const count = h("span", { class: "json count" }, `${open}${child.members.length || ""}${close}`);
  if (child.members.length === 0) return h("li", {}, label, " ", count);
  const branch = h("details",
    { toggle: () => { if (branch.open && branch.childElementCount === 1) branch.append(tree(child, depth + 1)); } },
    h("summary", {}, label, " ", count));
  branch.open = depth < 2 && child.members.length <= 20;
  return h("li", {}, branch);
}
