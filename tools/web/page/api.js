// Sends requests to vault-web. The token, if one is needed, lives in this module's memory and nowhere else.

let token = "";
let askForToken = async () => "";
/** Sets what is asked when vault-web wants a token: a function(refused: bool) that resolves to one. */
export const onToken = (ask) => { askForToken = ask; };

/** vaultd's or vault-web's refusal: `code` as in docs/protocol.md; "unreachable" if nobody answers. */
export class ApiError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** For catch(): an answer that is missing or incomplete. An abort because the reader has left is passed on unchanged. */
const unreachable = (message) => (error) => {
  throw error.name === "AbortError" ? error : new ApiError("unreachable", message);
};
const brokenOff = unreachable("the answer of vault-web broke off");

let asking = null;
async function request(route, parameters, accept, signal, limitMs) {
  const given = Object.entries(parameters).filter(([, value]) => ![undefined, null, ""].includes(value));
  const path = `/api/v1/${route}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
  for (;;) {
    const sent = token;
    const ends = [signal, limitMs && AbortSignal.timeout(limitMs)].filter(Boolean);  // per attempt; typing a token has no limit
    const answer = await fetch(path, { headers: { Accept: accept, ...(sent && { Authorization: `Bearer ${sent}` }) },
      signal: AbortSignal.any(ends), cache: "no-store", redirect: "error" })
      .catch(unreachable("vault-web does not answer"));
    if (answer.ok) return answer;
    if (answer.status !== 401) {
      const told = await answer.json().catch(() => ({}));
      throw new ApiError(told.code ?? "internal", told.message ?? `HTTP status ${answer.status}`);
    }
    if (token === sent) {  // nobody has entered another one meanwhile
      asking ??= askForToken(sent !== "").finally(() => { asking = null; });
      token = await asking;
    }
  }
}

/** The result of a route below /api/v1/. */
export async function get(route, parameters = {}, signal = null, limitMs = 35_000) {
  const answer = await request(route, parameters, "application/json", signal, limitMs);
  return answer.json().catch(brokenOff);
}

/** Server-sent events of a route as {event, id, data}, until the stream ends or `signal` aborts it. */
export async function* stream(route, parameters, signal) {
  const answer = await request(route, parameters, "text/event-stream", signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read().catch(brokenOff);
    if (done) return;
    const blocks = (rest + value).split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = { event: "message", data: "" };
      for (const line of block.split(/\r?\n/)) {
        const match = /^(\w+): ?(.*)$/s.exec(line);
        if (match) fields[match[1]] = match[2];
      }
      if (fields.data) yield { event: fields.event, id: fields.id, data: JSON.parse(fields.data) };
    }
  }
}
