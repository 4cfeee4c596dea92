// The verbs: what each is called, when it makes sense, and how it is confirmed. What a dry run says is shown first, wherever there is
// one, and the name of the migration has to be typed, but for what only looks.

import { act } from "./api.js";
import { answering, count, make, table, word } from "./format.js";

const WORKING = ["preflight", "passthrough", "backfill", "catch_up"];
const RESTING = ["paused", "failed"];
const FULL = ["catch_up", "verified", "reversed"];

const offline = (status) => status.mode === "offline";
const live = (status) => !offline(status);
const captured = (status) => status.mode === "captured";
const shut = (status, name) => Boolean(status.live) && status.live.gates.some((gate) => gate.name === name && !gate.open);
const PACE = ["max_rate", "bandwidth", "nice_ratio"];
const slowed = (status) => status.in_force.throttle_hold
  || Object.keys(status.levers).some((name) => PACE.includes(name) || name.startsWith("throttle_"));

export const ACTIONS = [
  { verb: "attest", label: "Attest", phases: ["passthrough"], when: (status) => live(status) && !captured(status) && !status.attested_by,
    first: true, field: ["by", "Your name"],
    says: "You vouch that every writer of the source comes through the daemon from now on. The copy begins." },
  { verb: "pause", label: "Pause", phases: WORKING,
    says: "The copy, comparisons and replays stop. Writes go on being marked; applications notice nothing." },
  { verb: "resume", label: "Resume", phases: RESTING, says: "It goes on where it stopped." },
  { verb: "throttle", label: "Throttle", phases: [...WORKING, ...RESTING, "verified"],
    says: "Copies and full comparisons go at this rate from now on, or wait; what the application writes is never held back.",
    field: ["max_rate", "Records a second; leave it empty to have it wait until Unthrottle"], optional: true },
  { verb: "unthrottle", label: "Unthrottle", phases: [...WORKING, ...RESTING, "verified"], when: slowed,
    says: "Whatever was slowed down or held goes as it was asked for again." },
  { verb: "set", label: "Set", phases: [...WORKING, ...RESTING],
    says: "workers, batch-size, validate-every or max-retries; a copy goes on by it behind its present batches.",
    field: ["change", "NAME=VALUE"] },
  { verb: "doctor", label: "Check", phases: ["created", ...WORKING, ...RESTING, "verified", "reversed"], looks: true,
    says: "Connections, rights, versions and limits of both stores, and the disk, are looked at now. Nothing is changed." },
  { verb: "capture/check", label: "Check the capture", phases: [...WORKING, ...RESTING, "verified"], when: captured, looks: true,
    says: "Whether the source tells of every change, and how old the oldest is that nobody took. Nothing is changed." },
  { verb: "validate", label: "Compare a sample", phases: FULL, field: ["sample_size", "Records, chosen at random"],
    says: "A sample bounds how many records may differ; it never says that both sides are equal." },
  { verb: "validate", label: "Compare everything", phases: FULL, body: { full: true },
    says: "Both sides are read whole and compared. What differs is listed; in a live migration it is copied again." },
  { verb: "repair", label: "Repair", phases: ["verified"], when: offline, dry: "long", danger: true,
    says: "The target becomes what the source is now: what differs or is missing is copied again, and what the source has no more"
      + " is taken out. The dry run compares everything." },
  { verb: "dead-letters", label: "Try the refused again", phases: ["backfill", ...FULL],
    when: (status) => live(status) && status.dead_letters > 0, body: { retry: true },
    says: "For when the target, or the records, have been mended: each of them is tried once more." },
  { verb: "reads", label: "Share reads", phases: ["verified", "reversed"], when: (status) => live(status) && !captured(status),
    field: ["share", "Share of the reads for the other side, 0 to 1"],
    says: "So much of what the application reads is answered by the other side, which knows what it has been told by then." },
  { verb: "allow-deletes", label: "Allow deletes", phases: ["backfill", ...FULL], danger: true,
    when: (status) => shut(status, "deletes"),
    says: "You have looked: what is absent at the side that answers, though nobody deleted it, is gone, and may be deleted on the other.",
    field: ["by", "Your name"] },
  { verb: "cutover", label: "Cut over", phases: ["verified"], when: (status) => live(status) && !captured(status),
    first: true,
    says: "The target answers the application from then on. Writes are held for a moment; revert takes it back." },
  { verb: "cutover", label: "Cut over for good", phases: ["verified"],
    when: (status) => captured(status) || (live(status) && shut(status, "way back")), body: { no_way_back: true },
    danger: true,
    says: "The target answers from then on, and there is no revert. Where the source notes its changes itself, the application has to"
      + " have stopped writing to it." },
  { verb: "revert", label: "Revert", phases: ["verified", "reversed"], first: true,
    when: (status) => live(status) && (status.phase === "reversed" || status.primary === "both"),
    says: "The source answers the application again, with everything that was written since the cutover." },
  { verb: "commit", label: "Commit", phases: ["reversed"], when: live, danger: true,
    says: "Gives up the way back: the source is owed nothing any more and may be taken down." },
  { verb: "abort", label: "Abort", phases: ["created", "preflight", "passthrough", ...RESTING], danger: true,
    when: (status) => !RESTING.includes(status.phase) || status.next_steps.some((step) => step.includes(" abort ")),
    says: "Ends it for good, before anything was put into the target. Neither store has to be there." },
  { verb: "rollback", label: "Roll back", phases: ["backfill", "catch_up", "verified", ...RESTING, "rolling_back"], danger: true,
    when: (status) => status.primary === "source",
    says: "Takes everything out of the target that this migration put there. What was there before stays." },
  { verb: "capture/remove", label: "Remove the capture", phases: ["committed", "rolled_back", "aborted"], when: captured,
    danger: true, says: "Takes the slot or the triggers out of the source, which then notes its changes for nobody." },
];

// About one step that waits, and about one record.
const approve = ([step, state]) => ({
  verb: "approve", label: `Approve: ${step}`, body: { step }, first: state === "pending",
  says: `For one go. ${state === "pending" ? "Somebody has asked for it and was told to wait." : "Nobody has asked for it yet."}`,
});
export const waive = (record) => ({
  verb: "waive", label: `Go without ${record}`, body: { record }, field: ["reason", "Why"],
  says: "It is owed no more, bars no cutover, and comparisons say nothing of it. The audit keeps your reason.",
});

export const sensible = (status) => [
  ...Object.entries(status.approvals).filter(([, state]) => state !== "approved").map(approve),
  ...ACTIONS.filter((one) => one.phases.includes(status.phase) && (!one.when || one.when(status))),
];

const HIDDEN = ["migration_id", "dry_run", "next_steps", "would"];
const answered = (value) => Array.isArray(value) && value.every((one) => typeof one === "string");

// What a verb answered: its plain values in words, its checks, and how many gates are open.
function shown(result) {
  const plain = result.phase ? { phase: word(result.phase), error: result.error } : result;
  const rows = Object.entries(plain)
    .filter(([name, value]) => !HIDDEN.includes(name) && value !== null && value !== "" && (typeof value !== "object" || answered(value)))
    .map(([name, value]) => [word(name), typeof value === "number" ? count(value) : answered(value) ? value.join("; ") || "none" : String(value)]);
  for (const one of result.checks || []) rows.push([`${one.ok ? "✓" : "✗"} ${one.name}`, [one.detail, one.hint].filter(Boolean).join("; ")]);
  const gates = result.gates || [];
  if (gates.length) rows.push(["gates", `${gates.filter((gate) => gate.open).length} of ${gates.length} open`]);
  return table(["What", "Value"], rows, "");
}

export function confirm(action, status, done) {
  const dialog = document.getElementById("act");
  const id = status.migration_id;
  const outcome = make("div", { "aria-live": "polite" });
  const typed = make("input", { type: "text", autocomplete: "off", spellcheck: "false", id: "typed" });
  const field = action.field && make("input", { type: "text", autocomplete: "off", id: "field" });
  const go = make("button", { type: "button", class: action.danger ? "danger" : "first" }, action.label);
  const first = action.dry === "long" && make("button", { type: "button", onclick: rehearse }, "Dry run");
  const dry = action.dry !== false && !action.looks;
  const close = make("button", { type: "button", onclick: () => dialog.close() }, "Close");
  const given = () => (field && field.value.trim() ? { [action.field[0]]: field.value.trim() } : {});
  const wanting = () => Boolean(field) && !action.optional && !field.value.trim();
  // What was rehearsed: with another word in the field it would be something else, which nobody has seen yet.
  let tried = null;

  const allowed = () => {
    go.disabled = wanting() || (dry && tried !== JSON.stringify(given())) || (!action.looks && typed.value !== id);
  };
  const told = (error) =>
    outcome.replaceChildren(make("p", { class: "bad" }, error.message), error.hint ? make("p", {}, error.hint) : "");

  async function run(body) {
    outcome.replaceChildren(make("p", { class: "soft" }, "Asking the daemon …"));
    go.disabled = true;
    return act(id, action.verb, { ...(action.body || {}), ...body }, (one) =>
      outcome.replaceChildren(make("p", { class: "soft" }, `Under way since ${new Date(one.started_at).toLocaleTimeString()} …`)));
  }

  async function rehearse() {
    if (first) first.remove();
    const words = given();
    tried = null;
    try {
      const result = await run({ ...words, dry_run: true });
      if (JSON.stringify(words) !== JSON.stringify(given())) return;
      const closed = "ok" in result ? (result.gates || []).filter((gate) => !gate.open) : [];
      outcome.replaceChildren(
        make("p", { class: closed.length ? "bad" : "good" },
          closed.length ? "The dry run says no:" : "The dry run says yes; nothing was changed."),
        make("ul", {}, closed.map((gate) => make("li", {}, `${gate.name}: ${gate.reason}`))),
        result.would ? make("p", {}, result.would) : "",
        closed.length ? "" : shown(result));
      if (!closed.length) tried = JSON.stringify(words);
      allowed();
    } catch (error) { told(error); }
  }

  go.addEventListener("click", async () => {
    try {
      const result = await run(given());
      outcome.replaceChildren(make("p", { class: "good" }, `${action.label}: done.`), shown(result));
      go.remove();
    } catch (error) { told(error); allowed(); }
    done();
  });
  typed.addEventListener("input", allowed);
  if (field) field.addEventListener("input", allowed);
  if (field && dry) field.addEventListener("change", () => { if (!wanting()) rehearse(); });

  dialog.replaceChildren(
    make("h1", { id: "act-title" }, `${action.label}: ${id}`),
    make("p", {}, action.says),
    make("p", { class: "soft" }, `Phase: ${word(status.phase)}; ${answering(status.primary)}.`),
    field ? make("label", { for: "field" }, action.field[1], field) : "",
    outcome,
    action.looks ? "" : make("label", { for: "typed" }, `Type ${id} to confirm`, typed),
    make("div", { class: "buttons" }, first || "", go, close),
  );
  allowed();
  dialog.showModal();
  if (dry && !first && !wanting()) rehearse();
}
