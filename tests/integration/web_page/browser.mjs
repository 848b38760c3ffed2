// The page in a real browser: node browser.mjs CHROMIUM OUTPUT_DIRECTORY, started by web_page_test.py, which does what this
// side asks for: a line of JSON on stdout {"do": …}, the answer a line on stdin. Other lines on stdout are for people.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [executablePath, output] = process.argv.slice(2);
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WAIT_MS = 90_000;  // for what comes by itself, on a machine that does much else
const VIEWS = ["#/now", "#/find", "#/entry/3", "#/check", "#/check/3", "#/save/3"];

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
async function please(what, more = {}) {
  console.log(JSON.stringify({ do: what, ...more }));
  const { value, done } = await answers.next();
  if (done) throw new Error("the other side has ended");
  return JSON.parse(value);
}

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-quic",
  "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
  "--host-resolver-rules=MAP vault.test 127.0.0.1"] });
/** For who works on the page: its files as they stand in a directory, not as they were compiled in. */
async function uncompiled(route) {
  const response = await route.fetch();
  const { "content-encoding": encoding, "content-length": length, ...headers } = response.headers();
  const name = new URL(route.request().url()).pathname.slice("/page/".length) || "index.html";
  await route.fulfill({ status: response.status(), headers, body: readFileSync(`${process.env.VAULT_PAGE_DIR}/${name}`) });
}
const troubles = [];
async function open(url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: "Europe/Berlin",
    acceptDownloads: true, ...options });
  if (process.env.VAULT_PAGE_DIR) await context.route(/\/127\.0\.0\.1:\d+\/(page\/[a-z.]+)?$/, uncompiled);
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  page.on("pageerror", (error) => troubles.push(`${page.url()}: ${error.stack}`));
  page.on("dialog", (dialog) => { troubles.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("console", (message) => {
    // Answers such as 401 and 503 are expected here, and one origin without https; Chromium tells of each.
    const expected = /^(Failed to load resource|The Cross-Origin-Opener-Policy header has been ignored)/;
    if (["error", "warning"].includes(message.type()) && !expected.test(message.text())) {
      troubles.push(`${page.url()}: ${message.text()}`);
    }
  });
  await page.goto(url);
  return page;
}
const to = (page, hash) => page.evaluate((wanted) => { location.hash = wanted; }, hash);
const see = (page, selector, hasText) => page.locator(selector, hasText ? { hasText } : {}).first().waitFor();
const outcome = (page, kind) => see(page, `.outcome.${kind}`);

async function settled(page, hash) {
  await to(page, hash);
  if (hash.startsWith("#/now")) await see(page, ".row");
  else if (hash === "#/find") await see(page, ".row");
  else if (hash.startsWith("#/check/")) await see(page, ".outcome");
  else if (hash.startsWith("#/entry/")) await see(page, ".links");
  else if (hash.startsWith("#/save/")) await see(page, ".files");
}

const SIZES = [[360, 740], [768, 1024], [1280, 900], [2560, 1440]];

// The first view as it is with so many entries, in each width and both schemes; nothing may stick out.
async function photograph(url, what, there, sizes = SIZES) {
  for (const [width, height] of sizes) {
    for (const colorScheme of ["light", "dark"]) {
      const page = await open(url, { viewport: { width, height }, colorScheme, reducedMotion: "reduce" });
      await see(page, there);
      const wide = await page.evaluate(() =>
        document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${wide} pixels too wide at ${width} with ${what}`);
      await page.screenshot({ path: `${output}/now-${what}-${width}-${colorScheme}.png`, fullPage: width < 1000 });
      await page.context().close();
    }
  }
}

const tests = {
  async "an empty ledger"(url) {
    await photograph(url, "0-entries", ".last p");
    const page = await open(url);
    await see(page, ".last p", "No entry has been sealed yet");
    await see(page, ".head .big", "0");
    await see(page, "#standing", "writer, ready");
    await to(page, "#/find");
    await see(page, "main p", "Nothing fits");
    await page.fill("[name=q]", "1");
    await page.click("form button");
    await see(page, "main", "There is no entry 1.");
    await to(page, "#/entry/1");
    await see(page, ".notice", "There is no entry 1.");
    await to(page, "#/now");
    await please("seal", { session: "first", data: { n: 1 } });
    await see(page, ".row .session", "first");  // by itself
    assert.equal(await page.locator(".last p").isHidden(), true);
    await page.context().close();
    await photograph(url, "1-entry", ".row");
  },

  async "hostile payloads are text"(url) {
    const { first, last, pieces } = await please("hostile");
    const page = await open(`${url}/#/now`);
    await see(page, `.row[data-sequence="${last}"]`);
    for (let sequence = first; sequence <= last; sequence++) {
      await to(page, `#/entry/${sequence}`);
      await see(page, "h1", `Entry ${sequence}`);
      await see(page, ".payload, .links");
      await see(page, ".links");
      await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
      await page.evaluate(() => new Promise((done) => { setTimeout(done, 50); }));
      const text = await page.locator(".payload").innerText();
      for (const piece of pieces[sequence]) assert.ok(text.includes(piece),
        `entry ${sequence} does not show ${JSON.stringify(piece)}: ${text.slice(0, 500)}`);
      assert.equal(await page.locator(".payload :is(script, img, iframe, a, form)").count(), 0);
      const wide = await page.evaluate(() =>
        document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `entry ${sequence} is ${wide} pixels too wide`);
      await to(page, `#/check/${sequence}`);
      await see(page, "h1", `Entry ${sequence}, checked here`);
      await outcome(page, "yes");
    }
    assert.equal(await page.evaluate(() => globalThis.pwned), undefined);
    await please("seal", { session: "שלום עולם", data: {} });
    await to(page, "#/now");
    const rtl = page.locator(".row .session", { hasText: "שלום" });
    const apart = await rtl.evaluate((element) => {
      const range = document.createRange();
      range.selectNodeContents(element);
      return range.getBoundingClientRect().left - element.getBoundingClientRect().left;
    });
    assert.ok(apart < 1, `a name from right to left begins ${apart} pixels from its column's edge`);
    assert.doesNotMatch(await page.locator(".reach").innerText(), /\bms ago/);
    await page.context().close();
  },

  async "find"(url) {
    const { sequence, seal_id, session, time } = await please("fill", { count: 300 });
    const page = await open(`${url}/#/find`);
    const numbers = async () => (await page.locator(".row").evaluateAll((rows) => rows.map((row) =>
      Number(row.dataset.sequence))));
    await see(page, ".row");
    const seen = await numbers();
    assert.equal(seen.length, 25);
    await page.click("text=Older →");
    await see(page, `.row[data-sequence="${seen.at(-1) - 1}"]`);
    assert.equal((await numbers())[0], seen.at(-1) - 1);
    await page.click("text=← Newer");
    await see(page, `.row[data-sequence="${seen[0]}"]`);
    await page.selectOption("[name=verdict]", "VOID");
    await page.click("form button");
    await page.waitForFunction(() => document.querySelectorAll(".row").length > 0 &&
      [...document.querySelectorAll(".row .verdict")].every((one) => one.textContent === "VOID"));
    await page.selectOption("[name=verdict]", "");
    await page.fill("[name=q]", session);
    await page.press("[name=q]", "Enter");
    await page.waitForFunction((wanted) => document.querySelectorAll(".row").length > 0 &&
      [...document.querySelectorAll(".row .session")].every((one) => one.textContent === wanted), session);
    await page.fill("[name=q]", seal_id);
    await page.press("[name=q]", "Enter");
    await see(page, "h1", `Entry ${sequence}`);
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1", "the focus follows");
    await page.click(".links a[rel=prev]");
    await see(page, "h1", `Entry ${sequence - 1}`);
    await to(page, `#/find?to=${time.slice(0, 19)}`);
    await page.waitForFunction((before) => document.querySelectorAll(".row time").length > 0 &&
      [...document.querySelectorAll(".row time")].every((one) => one.dateTime < before), time);
    const tops = await page.locator(".search .field > span").evaluateAll((labels) =>
      labels.map((label) => label.getBoundingClientRect().top));
    assert.ok(Math.max(...tops) - Math.min(...tops) < 0.5, `the labels stand at ${tops}`);
    await page.context().close();
  },

  async "find a session whose name looks like something else"(url) {
    const named = { uuid: "0b8f6f5e-4d63-4d0e-9c39-6a1c5d2e7b41", digits: "88888888", both: "7" };
    for (const session of Object.values(named)) await please("seal", { session, data: { session } });
    const { sequence, seal_id } = await please("fill", { count: 1 });
    const page = await open(`${url}/#/find`);
    const find = async (query) => {
      await page.evaluate(() => document.querySelector("main").replaceChildren());  // nothing of the question before
      await to(page, `#/find?${new URLSearchParams(query)}`);
      await page.waitForFunction((q) => location.hash.startsWith("#/entry/") || (document.querySelector("[name=q]")?.value === q &&
        document.querySelector("section .row, section .muted:not(:empty)") &&
        !document.querySelector("section .muted")?.textContent.startsWith("…")), query.q);
      assert.match(await page.evaluate(() => location.hash), /^#\/find/, `${JSON.stringify(query)} is left for an entry`);
      return page.locator(".row .session").allTextContents();
    };
    for (const q of [named.uuid, named.uuid.toUpperCase(), named.digits]) {
      if (q === named.uuid.toUpperCase()) await please("seal", { session: q, data: {} });
      assert.deepEqual(await find({ q }), [q]);
    }
    const [entry, ...session] = await find({ q: named.both });  // the entry of this number first, then the session
    assert.notEqual(entry, named.both);
    assert.deepEqual(session, [named.both]);
    await see(page, '.row[data-sequence="7"]');
    await see(page, "main", "session of this name");
    assert.deepEqual(await find({ q: named.both, verdict: "VOID" }), []);
    assert.deepEqual(await find({ q: named.both, verdict: "SEAL" }), [named.both]);
    assert.deepEqual(await find({ q: seal_id, authority: "nobody" }), []);
    assert.deepEqual(await find({ q: String(sequence), from: "2001-01-01T00:00", to: "2001-01-02T00:00" }), []);
    await to(page, "#/find?q=99999999");
    await see(page, "main", "There is no entry 99999999.");
    await page.context().close();
  },

  async "a page of what was found, opened from a link"(url) {
    const page = await open(`${url}/#/find`);
    const numbers = () => page.locator(".row").evaluateAll((rows) => rows.map((row) => Number(row.dataset.sequence)));
    await see(page, ".row");
    const pages = [await numbers()];
    for (let turn = 1; turn < 3; turn++) {
      await page.click("text=Older →");
      await see(page, `.row[data-sequence="${pages.at(-1).at(-1) - 1}"]`);
      pages.push(await numbers());
    }
    const other = await open(page.url());  // without a history that could lead back
    await see(other, `.row[data-sequence="${pages[2][0]}"]`);
    for (const wanted of [pages[1], pages[0]]) {
      await other.click("text=← Newer");
      await see(other, `.row[data-sequence="${wanted[0]}"]`);
      assert.deepEqual(await other.locator(".row").evaluateAll((rows) => rows.map((row) =>
        Number(row.dataset.sequence))), wanted);
    }
    assert.equal(await other.locator(".pages a").count(), 1);  // there is nothing newer
    await other.context().close();
    const third = await open(`${url}/#/find?verdict=SEAL&cursor=145`);  // of a page before it, this says nothing
    await see(third, ".row");
    await third.click("text=← Newest");
    await see(third, "main");
    await third.waitForFunction(() => location.hash === "#/find?verdict=SEAL" &&
      Number(document.querySelector(".row")?.dataset.sequence) > 145);
    await third.context().close();
    await page.context().close();
  },

  async "check it here"(url) {
    const { vkey } = await please("key");
    const page = await open(`${url}/#/check/42`);
    await outcome(page, "yes");
    assert.equal(await page.locator(".step.yes").count(), 6);
    await page.fill("[name=vkey]", vkey);
    await page.click("text=Check with this key");
    await see(page, ".step.yes", "you gave it");
    await outcome(page, "yes");
    await page.fill("[name=vkey]", "vectors.example/ledger+a2fd898e+AXm1Vi6P5lT5QHixEuipi6eQH4U65pW+1+DjkQutBJZk");
    await page.click("text=Check with this key");
    await outcome(page, "no");
    assert.equal(await page.locator(".step.no").count(), 1);
    await page.fill("[name=vkey]", "nonsense");
    await page.click("text=Check with this key");
    await see(page, ".step.no", "not a verifier key");
    await to(page, "#/check");
    await page.click("text=Recompute every entry here");
    await outcome(page, "yes");
    await page.click("text=Let vaultd verify");
    await see(page, ".outcome.yes", "vaultd found nothing");
    await page.context().close();
  },

  async "save"(url) {
    const page = await open(`${url}/#/save/3`);
    await see(page, ".files");
    const saved = {};
    for (const name of ["3.tlog-proof", "3.json", "3.receipt.json"]) {
      const [download] = await Promise.all([page.waitForEvent("download"), page.click(`text=Save ${name}`)]);
      assert.equal(download.suggestedFilename(), name);
      saved[name] = `${output}/${name}`;
      await download.saveAs(saved[name]);
    }
    const { problems } = await please("check", { files: saved });
    assert.deepEqual(problems, []);
    await page.context().close();
  },

  async "vaultd goes away and comes back"(url) {
    const page = await open(url);
    await see(page, "#standing", "writer, ready");
    await see(page, ".row");
    await see(page, "#memory .sign.yes");
    await please("kill");
    await see(page, "#standing", "vaultd does not answer");
    await see(page, "body.stale");
    await see(page, "#memory", "as of");
    assert.equal(await page.locator("header .sign.yes").count(), 0, "something is green while nobody answers");
    await page.screenshot({ path: `${output}/gone.png` });
    await please("start");
    await see(page, "#standing", "writer, ready");
    await see(page, "#memory .sign.yes");  // by itself: asked again at once
    await please("seal", { session: "after the outage", data: {} });
    await see(page, ".row .session", "after the outage");
    assert.equal(await page.locator("body.stale").count(), 0);
    await page.context().close();
  },

  async "in emergency mode nothing looks tampered with"() {
    const { url, seal_id } = await please("emergency");
    const page = await open(url);
    const rows = async (count) => {
      await page.waitForFunction((wanted) => document.querySelectorAll(".row").length === wanted, count);
      assert.equal(await page.locator(".row", { hasText: "kept, not in the chain yet" }).count(), count);
      assert.equal(await page.locator(".row a, .row .fault, .row .sign, .row.broken, .row.linked").count(), 0);
      const text = await page.locator("body").innerText();
      assert.equal(/undefined|NaN|hexadecimal/.test(text), false, text);
    };
    await rows(3);
    await see(page, "#standing", "EMERGENCY");
    assert.equal(await page.locator("header .sign.yes").count(), 0);
    await see(page, "#alerts .notice.bad", "seals are kept as files");
    await please("emergency_seal", { session: "kept as well" });
    await see(page, ".row .session", "kept as well");  // by itself
    await rows(4);
    await to(page, "#/find");
    await see(page, "h1", "Find");
    await rows(4);
    await to(page, `#/find?q=${seal_id}`);
    await rows(1);
    await to(page, "#/find?q=4711");
    await rows(1);
    await to(page, "#/find?q=3");  // no number is known now, and no session has this name
    await see(page, ".notice.bad", "emergency mode");
    await to(page, "#/entry/1");
    await see(page, ".notice.bad", "emergency mode");
    await page.context().close();
    await photograph(url, "emergency", ".row", SIZES.slice(0, 3));
  },

  async "alerts say why"(url) {
    const page = await open(`${url}/#/find`, { timezoneId: "UTC" });
    await page.route(/\/api\/v1\/status$/, async (route) => {
      const response = await route.fetch();
      const alerts = [["tamper", "critical", { sequence: 3, reason: "data_hash_mismatch", message: "entry 3 <b>does</b> not verify" }],
        ["disk", "warning", { message: "nearly full" }]].map(([kind, severity, more]) =>
        ({ kind, severity, since: "2026-11-29T18:33:12.000456Z", ...more }));
      const status = { ...(await response.json()), alerts: ["disk", "tamper"], alert_details: alerts };
      await route.fulfill({ response, json: status });
    });
    const worst = page.locator("#alerts .notice").first();
    await see(page, "#alerts .notice.bad", "entry 3 <b>does</b> not verify");
    for (const piece of ["critical", "tamper", "since 2026-11-29 18:33:12UTC"]) {
      assert.ok((await worst.textContent()).includes(piece), `${piece} is not in: ${await worst.textContent()}`);
    }
    assert.equal(await page.locator("#alerts .local").count(), 0);  // a reader in UTC sees a time once
    await see(page, "#alerts .notice.bad + .notice.unsure", "nearly full");
    await page.screenshot({ path: `${output}/alerts.png` });
    await page.click("#alerts a");
    await see(page, "h1", "Entry 3");
    await page.context().close();
  },

  async "a token, and no secure context"() {
    const { url, token } = await please("token");
    const page = await open(url);
    await see(page, "dialog[open]");
    for (let again = 0; again < 3; again++) await page.keyboard.press("Escape");
    await see(page, "dialog[open]");  // a browser may close it the second time: it is asked again
    await page.fill("[name=token]", "x".repeat(32));
    await page.click("dialog button");
    await see(page, "dialog [role=alert]", "refused");
    await page.fill("[name=token]", token);
    await page.click("dialog button");
    await see(page, "#standing", "writer, ready");
    await see(page, ".row");
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage },
      document.cookie, location.href]));
    assert.equal(kept.includes(token), false);
    await page.goto(`${url.replace("127.0.0.1", "vault.test")}/#/check/3`);
    await see(page, "dialog[open]");
    await page.fill("[name=token]", token);
    await page.click("dialog button");
    await see(page, ".notice", "cannot check anything here");
    await to(page, "#/now");
    await see(page, ".row");
    await page.context().close();
  },

  async "what this browser has seen"(url) {
    const page = await open(url);
    await see(page, "#memory", "follows this log from now on");
    await page.reload();
    await see(page, "#memory", "History unchanged");
    const change = (from, into) => page.evaluate(([a, b]) => {
      const kept = JSON.parse(localStorage.getItem("vault999.checkpoint"));
      const lines = kept.note.split("\n");
      lines[a] = b;
      localStorage.setItem("vault999.checkpoint", JSON.stringify({ ...kept, note: lines.join("\n") }));
    }, [from, into]);
    await change(2, `${"A".repeat(43)}=`);  // another root under the same size: the history was rewritten since
    await page.reload();
    await see(page, "#memory .notice.bad", "rewritten");
    await page.reload();  // and it stays so
    await see(page, "#memory .notice.bad", "rewritten");
    await to(page, "#/check/3");
    await outcome(page, "no");
    await to(page, "#/now");  // where nothing else compares
    await see(page, ".row");
    await change(1, "99999999");
    await page.reload();
    await see(page, "#memory .notice.bad", "fewer entries");
    await page.evaluate(() => localStorage.setItem("vault999.checkpoint",
      JSON.stringify({ ...JSON.parse(localStorage.getItem("vault999.checkpoint")), vkey: "another" })));
    await page.reload();
    await see(page, "#memory .notice.bad", "not the key");
    await page.click("#memory summary");
    await page.click("text=Follow this log from now on");
    await see(page, "#memory", "follows this log from now on");
    await page.context().close();
  },

  async "everybody can use it"(url) {
    for (const colorScheme of ["light", "dark"]) {
      const page = await open(url, { colorScheme, reducedMotion: "reduce" });
      for (const hash of VIEWS) {
        await settled(page, hash);
        await page.evaluate(axeSource);
        const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
        const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
        assert.deepEqual(serious.map(({ id, nodes }) => `${id}: ${nodes[0].html} ${nodes[0].failureSummary}`), [],
          `${colorScheme} ${hash}`);
      }
      await page.context().close();
    }
  },

  async "on every width"(url) {
    for (const [width, height] of [...SIZES, [3840, 2160]]) {
      for (const colorScheme of width > 2560 ? ["dark"] : ["light", "dark"]) {
        const page = await open(url, { viewport: { width, height }, colorScheme, reducedMotion: "reduce" });
        for (const hash of VIEWS) {
          await settled(page, hash);
          const wide = await page.evaluate(() =>
            document.documentElement.scrollWidth - document.documentElement.clientWidth);
          assert.ok(wide <= 0, `${hash} is ${wide} pixels too wide at ${width}`);
          await page.screenshot({ path: `${output}/${hash.slice(2).replace("/", "-")}-${width}-${colorScheme}.png`,
            fullPage: width < 1000 });
        }
        await page.context().close();
      }
    }
  },

  async "100,000 entries"(url) {
    const { sequence, time } = await please("fill", { count: 100_000 });
    const began = Date.now();
    const page = await open(url);
    await see(page, `.row[data-sequence="${sequence}"]`);
    const loaded = await page.evaluate(() => performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd);
    console.log(`the page was interactive after ${Math.round(loaded)} ms, cold; the last of ${sequence} entries were there after ` +
      `${Date.now() - began} ms, with a new window of the browser`);
    await see(page, ".head .big", sequence.toLocaleString("en"));
    await to(page, `#/find?verdict=SUNSET&to=${time.slice(0, 19)}`);
    await see(page, ".row");
    for (const wanted of [1, 50_000, sequence]) {
      await to(page, `#/check/${wanted}`);
      await see(page, "h1", `Entry ${wanted}, checked here`);
      await outcome(page, "yes");
    }
    await to(page, "#/now");
    for (let count = 1; count <= 20; count++) {  // a ledger at work, for the picture
      await please("fill", { count: 1 + ((count * 7) % 23) });
      await page.waitForTimeout(400);
    }
    await page.screenshot({ path: `${output}/readme.png` });
    await please("seal", { session: "one more", data: {} });
    await see(page, ".row .session", "one more");
    await photograph(url, "100000-entries", ".row");
    await page.context().close();
  },

  async "a tampered entry is red, and no other"(url) {
    await please("tamper", { sequence: 137 });
    const page = await open(`${url}/#/find?cursor=145`);
    await see(page, ".row.broken");
    const broken = () => page.locator(".row.broken").evaluateAll((rows) => rows.map((row) => row.dataset.sequence));
    assert.deepEqual(await broken(), ["137"]);
    await see(page, "#alerts .notice.bad", "does not verify");  // vaultd's auditor has found it too
    await see(page, '#alerts .notice.bad a[href="#/entry/137"]');
    await see(page, '.row[data-sequence="137"] .fault', "entry_hash does not fit");
    await page.screenshot({ path: `${output}/tampered.png` });
    await to(page, "#/entry/137");
    await see(page, ".notice.bad", "not what was sealed");
    await to(page, "#/check/137");
    await outcome(page, "no");
    assert.equal(await page.locator(".step.no").count(), 2);  // and so it is not in the tree that was signed
    await see(page, ".step.no", "The entry is the one that was hashed");
    await page.screenshot({ path: `${output}/tampered-check.png` });
    for (const neighbour of [136, 138]) {
      await to(page, `#/check/${neighbour}`);
      await see(page, "h1", `Entry ${neighbour}, checked here`);
      await outcome(page, "yes");
    }
    await to(page, "#/check");
    await page.click("text=Recompute every entry here");
    await see(page, ".outcome.no", "Entry 137: entry_hash does not fit");
    await page.click("text=Let vaultd verify");
    await see(page, ".outcome.no", "entry 137");
    await page.context().close();
  },
};

let failed = 0;
try {
  const { url, only } = await please("begin");
  for (const [name, test] of Object.entries(tests)) {
    if (only && !name.match(only)) continue;
    const began = Date.now();
    try {
      await test(url);
      console.log(`holds: ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed++;
      console.log(`FAILED: ${name}: ${error.stack}`);
      for (const context of browser.contexts()) {
        for (const page of context.pages()) await page.screenshot({ path: `${output}/failed-${failed}.png` }).catch(() => {});
        await context.close();
      }
    }
    for (const trouble of troubles.splice(0)) {
      failed++;
      console.log(`FAILED: ${name}: in the browser: ${trouble}`);
    }
  }
} finally {
  await browser.close();
}
console.log(`${failed} failed`);
process.exit(failed ? 1 : 0);
