// The verbs: what each is called, when it makes sense, and how it is confirmed. A dry run is shown first; what cannot be taken
// back asks for the name of the migration to be typed.

import { act } from "./api.js";
import { count, make, table, word } from "./format.js";

export const ACTIONS = [
  { verb: "attest", label: "Attest", phases: ["passthrough"], live: true,
    says: "You vouch that every writer of the source comes through the daemon from now on. The copy begins.", field: ["by", "Your name"] },
  { verb: "pause", label: "Pause", phases: ["preflight", "passthrough", "backfill", "catch_up"],
    says: "The copy, comparisons and replays stop. Writes go on being marked; applications notice nothing." },
  { verb: "resume", label: "Resume", phases: ["paused", "failed"], says: "It goes on where it stopped." },
  { verb: "throttle", label: "Throttle", phases: ["preflight", "passthrough", "backfill", "catch_up", "paused", "failed", "verified"],
    says: "Copies and full comparisons go at this rate from now on; what the application writes is never held back.",
    field: ["max_rate", "Records a second, 0 for no limit"] },
  { verb: "set", label: "Set", phases: ["preflight", "passthrough", "backfill", "catch_up", "paused", "failed"],
    says: "workers, batch-size, validate-every or max-retries; a copy goes on by it behind its present batches.",
    field: ["change", "NAME=VALUE"] },
  { verb: "validate", label: "Compare everything", phases: ["catch_up", "verified", "reversed"], body: { full: true },
    says: "Both sides are read whole and compared. What differs is listed; in a live migration it is copied again." },
  { verb: "dead-letters", label: "Try the refused again", phases: ["backfill", "catch_up", "verified", "reversed"], live: true,
    when: (status) => status.dead_letters > 0, body: { retry: true },
    says: "For when the target, or the records, have been mended: each of them is tried once more." },
  { verb: "allow-deletes", label: "Allow deletes", phases: ["backfill", "catch_up", "verified", "reversed"], live: true, typed: true,
    danger: true, when: (status) => status.live && status.live.gates.some((gate) => gate.name === "deletes" && !gate.open),
    says: "You have looked: what is absent at the side that answers, though nobody deleted it, is gone, and may be deleted on the other.",
    field: ["by", "Your name"] },
  { verb: "cutover", label: "Cut over", phases: ["verified"], live: true, dry: true, typed: true, first: true,
    says: "The target answers the application from then on. Writes are held for a moment; revert takes it back." },
  { verb: "revert", label: "Revert", phases: ["reversed"], live: true, dry: true, typed: true, first: true,
    says: "The source answers the application again, with everything that was written since the cutover." },
  { verb: "commit", label: "Commit", phases: ["reversed"], live: true, typed: true, danger: true,
    says: "Gives up the way back: the source is owed nothing any more and may be taken down." },
  { verb: "rollback", label: "Roll back", phases: ["backfill", "catch_up", "verified", "paused", "failed", "rolling_back"], dry: true,
    typed: true, danger: true, says: "Takes everything out of the target that this migration put there. What was there before stays." },
];

export const sensible = (status) =>
  ACTIONS.filter((one) => one.phases.includes(status.phase) && (!one.live || status.mode !== "offline") && (!one.when || one.when(status)));

// What a verb answered: its plain values in words, and how many gates are open.
function shown(result) {
  const rows = Object.entries(result)
    .filter(([, value]) => value !== null && value !== "" && typeof value !== "object")
    .map(([name, value]) => [word(name), typeof value === "number" ? count(value) : String(value)]);
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
  const close = make("button", { type: "button", onclick: () => dialog.close() }, "Close");
  let tried = !action.dry;

  const allowed = () => {
    go.disabled = !tried || (action.typed && typed.value !== id) || (field && !field.value.trim());
  };
  const told = (error) =>
    outcome.replaceChildren(make("p", { class: "bad" }, error.message), error.hint ? make("p", {}, error.hint) : "");

  async function run(body) {
    outcome.replaceChildren(make("p", { class: "soft" }, "Asking the daemon …"));
    go.disabled = true;
    return act(id, action.verb, { ...(action.body || {}), ...body }, (one) =>
      outcome.replaceChildren(make("p", { class: "soft" }, `Under way since ${new Date(one.started_at).toLocaleTimeString()} …`)));
  }

  go.addEventListener("click", async () => {
    try {
      const result = await run(field ? { [action.field[0]]: field.value.trim() } : {});
      outcome.replaceChildren(make("p", { class: "good" }, `${action.label}: done.`), shown(result));
      go.remove();
    } catch (error) { told(error); allowed(); }
    done();
  });
  typed.addEventListener("input", allowed);
  if (field) field.addEventListener("input", allowed);

  dialog.replaceChildren(
    make("h1", { id: "act-title" }, `${action.label}: ${id}`),
    make("p", {}, action.says),
    make("p", { class: "soft" }, `Phase: ${word(status.phase)}; the ${status.primary} answers the application.`),
    field ? make("label", { for: "field" }, action.field[1], field) : "",
    outcome,
    action.typed ? make("label", { for: "typed" }, `Type ${id} to confirm`, typed) : "",
    make("div", { class: "buttons" }, go, close),
  );
  allowed();
  dialog.showModal();
  if (action.dry) {
    run({ dry_run: true })
      .then((result) => {
        const closed = (result.gates || []).filter((gate) => !gate.open);
        outcome.replaceChildren(
          make("p", { class: closed.length ? "bad" : "good" },
            closed.length ? "The dry run says no:" : "The dry run says yes; nothing was changed."),
          make("ul", {}, closed.map((gate) => make("li", {}, `${gate.name}: ${gate.reason}`))),
          closed.length ? "" : shown(result));
        tried = !closed.length;
        allowed();
      })
      .catch((error) => { told(error); });
  }
}
