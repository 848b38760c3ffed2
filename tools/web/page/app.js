// The frame: which view is shown, how things stand, the question for a token.
import { onToken } from "./api.js";
import { duration, fill, h, notice, number, sign } from "./dom.js";
import * as check from "./check.js";
import * as entry from "./entry.js";
import * as find from "./find.js";
import { live, start, state } from "./live.js";
import { forget } from "./memory.js";
import * as now from "./now.js";

const VIEWS = { now: now.view, find: find.view, entry: entry.view, check: check.view, save: entry.save };
const TITLES = { now: "Now", find: "Find", entry: "Entry", check: "Check it here", save: "Save" };
const main = document.querySelector("main");

let leaving = new AbortController();
async function show() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, argument] = (path || "now").split("/");
  const view = VIEWS[name] ?? VIEWS.now;
  const sequence = /^[1-9][0-9]{0,15}$/.test(argument ?? "") ? Number(argument) : null;
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const place = h("div", { class: "view" });
  main.replaceChildren(place);
  document.title = `${TITLES[name] ?? "Now"}${sequence ? ` ${sequence}` : ""} · VAULT999`;
  for (const link of document.querySelectorAll("header nav a")) {
    const current = link.hash === `#/${{ entry: "find" }[name] ?? name}`;
    current ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  }
  window.scrollTo(0, 0);
  try {
    const drawn = view(place, signal, { sequence, query: new URLSearchParams(query) });
    if (moved) place.querySelector("h1").focus({ preventScroll: true });
    await drawn;
  } catch (error) {
    if (error.name === "AbortError") return;
    place.append(notice("bad", error.code === "not_found" ? `There is no entry ${sequence}.` : error.message));
  }
}
let moved = false;
window.addEventListener("hashchange", () => { moved = true; show(); });

// How things stand, in one line: does vaultd answer, what is it, would it take a seal.
function standing() {
  const { connected, status, problem, since } = state;
  document.body.classList.toggle("stale", connected === false);
  if (connected === null) return [sign("wait", "waiting"), " asking vaultd…"];
  if (!connected) return [sign("no", "gone"), ` ${problem}, since `, h("time", {}, since.toISOString().slice(11, 19)),
    " UTC. What is shown is from before. Trying again by itself."];
  if (!status) return [sign("yes", "answers"), " vaultd answers"];
  const role = { writer: "writer", standby: "standby",
    waiting: "waiting for its database" }[status.role] ?? status.role;
  return [sign(status.ready ? "yes" : "unsure", status.ready ? "ready" : "not ready"),
    ` ${role}, ${status.ready ? "ready" : "not ready to seal"}`,
    h("span", { class: "muted" }, ` · vaultd ${status.version} · up ${duration(status.uptime_s)}`)];
}

function raised() {
  return [...state.alerts].map(([kind, { severity, message }]) => notice(severity === "warning" ? "unsure" : "bad",
    h("b", {}, kind), message ? `: ${message}` : " is raised"));
}

function memory() {
  const { kind, now: seen, since, message, then } = state.memory ?? {};
  if (!kind || kind === "unknown") return message ? [sign("unsure", "not checked"),
    ` History not checked here: ${message}.`] : "";
  if (kind === "new") return [sign("yes", "signed"),
    ` Signed. This browser follows this log from now on, from ${number(seen.size)}.`];
  if (kind === "same" || kind === "continued") return [sign("yes", "unchanged"),
    ` History unchanged since this browser first saw it, ${since.slice(0, 10)}.`];
  const evidence = then && [" This browser has seen: ", h("pre", { class: "raw" }, then.note), " Now: ",
    h("pre", { class: "raw" }, seen.note)];
  return notice("bad", sign("no", "alarm"), " ", h("b", {}, message), h("details", {}, h("summary", {},
    "both checkpoints: keep them, they are the evidence"), evidence,
    kind === "other" && h("p", {},
      "After a restore that gave up a part of the history this is as it should be; ask whoever runs it. ",
      h("button", { type: "button", click: () => { forget(); location.reload(); } }, "Follow this log from now on"))));
}

const places = { standing: document.querySelector("#standing"), alerts: document.querySelector("#alerts"),
  memory: document.querySelector("#memory"), origin: document.querySelector("#origin") };
const drawn = {};
/** Replaced only where it says something else, so that a reader is told once. */
function put(name, content) {
  const box = h("div", {}, content);
  const said = box.textContent;
  if (drawn[name] === said) return;
  const open = places[name].querySelector("details")?.open;
  drawn[name] = said;
  fill(places[name], ...box.childNodes);
  if (open) places[name].querySelector("details")?.setAttribute("open", "");
}
live.addEventListener("change", () => {
  put("standing", standing());
  put("alerts", raised());
  put("memory", memory());
  if (state.status?.origin) put("origin", state.status.origin);
});

const dialog = document.querySelector("dialog");
onToken((refused) => new Promise((done) => {
  dialog.querySelector("[role=alert]").textContent = refused ? "That token was refused." : "";
  const form = dialog.querySelector("form");
  form.reset();
  form.onsubmit = (event) => {
    event.preventDefault();
    dialog.close();
    done(new FormData(form).get("token").trim());
  };
  dialog.oncancel = (event) => event.preventDefault();  // without it there is nothing to show
  dialog.showModal();
}));

start();
show();
