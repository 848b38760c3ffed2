// The frame of the page: which view is shown, the state of vaultd, the dialog for the token.
import { onToken } from "./api.js";
import { button, details, duration, fill, h, muted, notice, number, raw, sign, time } from "./dom.js";
import * as check from "./check.js";
import * as entry from "./entry.js";
import * as find from "./find.js";
import { inEmergency, live, start, state } from "./live.js";
import { forget } from "./memory.js";
import * as now from "./now.js";
import { visible } from "./payload.js";

const VIEWS = { now: ["Now", now.view], find: ["Find", find.view], entry: ["Entry", entry.view],
  check: ["Check it here", check.view], save: ["Save", entry.save] };
const main = document.querySelector("main");

let leaving = new AbortController();
async function show(event) {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, argument] = (path || "now").split("/");
  const [title, view] = VIEWS[Object.hasOwn(VIEWS, name) ? name : "now"];
  const sequence = /^[1-9][0-9]{0,15}$/.test(argument ?? "") ? Number(argument) : null;
  leaving.abort();
  leaving = new AbortController();
  const place = h("div", { class: "view" });
  main.replaceChildren(place);
  document.title = `${title}${sequence ? ` ${sequence}` : ""} · VAULT999`;
  for (const link of document.querySelectorAll("header nav a")) {
    const current = link.hash === `#/${{ entry: "find" }[name] ?? name}`;
    current ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  }
  window.scrollTo(0, 0);
  try {
    const drawn = view(place, leaving.signal, { sequence, query: new URLSearchParams(query) });
    if (event) place.querySelector("h1").focus({ preventScroll: true });
    await drawn;
  } catch (error) {
    if (error.name === "AbortError") return;
    place.append(notice("bad", error.code === "not_found" ? `There is no entry ${sequence}.` : error.message));
  }
}
window.addEventListener("hashchange", show);

// The state in one line: whether vaultd answers, its role, and whether it would accept a seal.
function standing() {
  const { connected, status, problem, since } = state;
  document.body.classList.toggle("stale", connected === false);
  document.body.classList.toggle("emergency", inEmergency());
  if (connected === null) return [sign("wait", "waiting"), " asking vaultd…"];
  if (!connected) return [sign("no", "gone"), ` ${problem}, since `, h("time", {}, since.toISOString().slice(11, 19)),
    " UTC. What is shown is from before. Trying again by itself."];
  const role = status.role === "waiting" ? "waiting for its database" : status.role;
  const does = status.ready ? "ready" : "not ready to seal";
  return [inEmergency() ? [sign("no", "emergency"), h("b", {}, " EMERGENCY"),
    `: no database, ${status.ready ? "seals are kept in files" : does}`]
    : [sign(status.ready ? "yes" : "unsure", does), ` ${role}, ${does}`],
  muted(` · vaultd ${status.version} · up ${duration(status.uptime_s)}`)];
}

const raised = () => state.alerts.map(({ kind, severity, since, message, sequence }) => notice(
  severity === "warning" ? "unsure" : "bad", h("b", {}, `${severity} · ${kind}`), ": ", h("bdi", {}, visible(message)),
  sequence && [" ", h("a", { href: `#/entry/${sequence}` }, `Entry ${sequence}`)], since && muted(" · since ", time(since, 0))));

function memory() {
  const { kind, now: seen, since, message, then, old, at } = state.memory ?? {};
  if (!kind) return "";
  if (kind === "unknown") return [sign("unsure", "not checked"), ` History not checked here: ${message}.`];
  const holds = (text) => (old ? [sign("wait", "from before"),
    muted(` ${text} As of ${at.toISOString().slice(11, 19)} UTC, not checked since.`)] : [sign("yes", "holds"), ` ${text}`]);
  if (kind === "new") return holds(`Signed. This browser follows this log from now on, from ${number(seen.size)}.`);
  if (kind === "same" || kind === "continued") return holds(
    `History unchanged since this browser first saw it, ${since.slice(0, 10)}.`);
  const follow = button("Follow this log from now on", () => { forget(); location.reload(); });
  return notice("bad", sign("no", "alarm"), " ", h("b", {}, message),
    details("both checkpoints: keep them, they are the evidence",
      then && [" This browser has seen: ", raw(then.note), " Now: ", raw(seen.note)],
      kind === "other" && h("p", {},
        "After a restore that gave up a part of the history this is as it should be; ask whoever runs it. ", follow)));
}

/** Replaced only if the text differs, so that a screen reader announces it once. */
function put(name, content) {
  const place = document.querySelector(`#${name}`);
  const box = h("div", {}, content);
  if (place.textContent === box.textContent) return;
  const open = place.querySelector("details")?.open;
  fill(place, ...box.childNodes);
  if (open) place.querySelector("details")?.setAttribute("open", "");
}
const PLACES = { standing, memory, alerts: raised, origin: () => state.status?.origin ?? "" };
live.addEventListener("change", () => Object.entries(PLACES).forEach(([name, say]) => put(name, say())));

const dialog = document.querySelector("dialog");
onToken((refused) => new Promise((done) => {
  dialog.querySelector("[role=alert]").textContent = refused ? "That token was refused." : "";
  const form = dialog.querySelector("form");
  form.reset();
  dialog.onclose = () => done(new FormData(form).get("token").trim());
  dialog.oncancel = (event) => event.preventDefault();  // without it there is nothing to show
  dialog.showModal();
}));

start();
show();
