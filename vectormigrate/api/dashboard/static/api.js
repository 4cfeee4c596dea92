// The REST API of the daemon that served this page. The browser shows the operator's key by itself.

export class Refused extends Error {
  constructor(problem, status, after) {
    super(problem.detail || problem.title || `answered ${status}`);
    this.hint = problem.hint || "";
    this.status = status;
    this.after = Number(after) || 0; // seconds
  }
}

// A browser shows the key to what is below the page that asked for it: it is asked for again at the root, and knows it already.
await fetch("/", { headers: { accept: "text/html" }, redirect: "manual" }).catch(() => {});

async function ask(path, options = {}) {
  const answer = await fetch(path, { credentials: "same-origin", ...options });
  const text = await answer.text();
  let body = null;
  try { body = text ? JSON.parse(text) : null; } catch { body = { title: text.slice(0, 200) }; }
  if (!answer.ok) throw new Refused(body || {}, answer.status, answer.headers.get("retry-after"));
  return body;
}

const of = (id) => `/v1/migrations/${encodeURIComponent(id)}`;

export const migrations = () => ask("/v1/migrations?limit=200");
export const status = (id) => ask(of(id));
export const reportAt = (id) => `${of(id)}/report`;
export const report = (id) => ask(reportAt(id));
export const findings = (id, offset) => ask(`${of(id)}/findings?limit=20&offset=${offset}`);
export const deadLetters = (id) => ask(`${of(id)}/dead-letters?limit=20`);
export const events = (id, after) => ask(`${of(id)}/events?limit=200&after=${after}`);
export const metrics = async () => {
  const answer = await fetch("/metrics", { credentials: "same-origin" });
  if (!answer.ok) throw new Refused({}, answer.status);
  return answer.text();
};

// `crypto.randomUUID` is for pages by TLS or of this machine alone.
const nonce = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// Does a verb and waits for its end; what lasts is answered with an operation that is looked at until then.
export async function act(id, verb, body, waiting = () => {}) {
  const begun = await ask(`${of(id)}/${verb}`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": nonce() },
    body: JSON.stringify(body),
  });
  if (!begun || begun.state === undefined || begun.command === undefined) return begun;
  let now = begun;
  for (let pause = 200; now.state === "running"; pause = Math.min(2 * pause, 2500)) {
    waiting(now);
    await new Promise((done) => setTimeout(done, pause));
    now = await ask(`/v1/operations/${encodeURIComponent(begun.id)}`);
  }
  if (now.state !== "succeeded") throw new Refused(now.error || { title: `the operation was ${now.state}` }, 0);
  return now.result;
}

// Follows events; the browser comes back by itself with the number that it saw last.
export function follow(onEvent, onState) {
  const source = new EventSource("/v1/events");
  const kinds = ["phase_changed", "resumed", "retried", "dead_lettered", "worker_lost", "warned", "range_done", "validated",
    "finding_confirmed", "gate_opened", "gate_closed", "throttled", "unthrottled", "secondary_down", "secondary_up",
    "deletes_stopped", "gap_opened", "primary_changed", "progress"];
  for (const kind of kinds) source.addEventListener(kind, (message) => onEvent(JSON.parse(message.data)));
  source.onopen = () => onState(true);
  source.onerror = () => onState(false);
  return source;
}
