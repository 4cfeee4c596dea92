// Two views over the REST API: all migrations, and one of them. Asked again every few seconds, and at once when an event says
// that something happened.

import * as api from "./api.js";
import { confirm, sensible, waive } from "./actions.js";
import { answering, bytes, card, clock, count, lately, make, moment, renew, seconds, table, word } from "./format.js";
import { Latency } from "./latency.js";

const PHASES = {
  offline: ["created", "preflight", "backfill", "catch_up", "verified"],
  live: ["created", "preflight", "passthrough", "backfill", "catch_up", "verified", "cutting_over", "reversed", "committed"],
};
const LOOK = 5000; // ms; a browser may ask six hundred times a minute, and somebody may look at several pages
const RARE = 20000;
const main = document.getElementById("main");
const connection = document.getElementById("connection");
let view = null;

function tell(text) {
  const line = make("p", {}, text);
  document.getElementById("told").append(line);
  setTimeout(() => line.remove(), 6000);
}

function state(ok, words) {
  const was = !connection.classList.contains("off");
  if (ok !== was) tell(ok ? "the daemon answers again" : words);
  connection.textContent = words;
  connection.classList.toggle("off", !ok);
}

// All migrations.

const listed = (migrations, first, none) => table([first, "Phase", "From", "To", "Copied", "Owed", "Findings"], migrations.map((one) => [
  make("a", { href: `#/${encodeURIComponent(one.migration_id)}` }, one.migration_id),
  make("span", { class: one.phase === "failed" ? "bad" : "" }, word(one.phase)),
  one.source, one.target,
  one.total === null ? count(one.copied) : `${count(one.copied)} of ${count(one.total)}`,
  count(one.debt),
  make("span", { class: one.findings + one.dead_letters ? "bad" : "" }, count(one.findings + one.dead_letters)),
]), none);

class List {
  async look() {
    const page = await api.migrations();
    renew(main, make("h1", {}, "Migrations"),
      card("", listed(page.migrations, "Id", "There is none yet. `vectormigrate migrate ID` makes one.")));
  }
  every() { return RARE; }
  close() {}
}

// One migration.

class One {
  constructor(id) {
    this.id = id;
    this.samples = [];
    this.log = [];
    this.latency = new Latency();
    this.offset = 0;
    this.rare = 0;
    this.since = null; // the oldest of the findings that are shown
    this.parts = null;
    this.logged = api.events(id, 0).then((page) => { page.events.forEach((event) => this.note(event)); });
  }

  every() { return LOOK; }
  close() { if (this.plot) this.plot.destroy(); }
  // Its own, and those of its parts.
  concerned(event) { return event.migration_id === this.id || event.migration_id.startsWith(`${this.id}:`); }

  note(event) {
    if (event.kind === "progress") return;
    if (event.kind === "validated") this.rare = 0; // there is another report
    this.log.push(event);
    this.log = this.log.slice(-200);
    if (this.parts) renew(this.parts.events, ...this.lines());
  }

  lines() {
    return [...this.log].reverse().map((event) => {
      const part = event.migration_id === this.id ? "" : `${event.migration_id.slice(this.id.length + 1)}: `;
      return make("li", {}, make("time", { datetime: event.at }, lately(event.at)), part, event.text || word(event.kind));
    });
  }

  async look() {
    const status = this.status = await api.status(this.id);
    const [last, found, dead, numbers] = await this.slow(status);
    this.sample(status);
    if (!this.parts) this.build();
    if (last) this.trust(status, last, found, dead, numbers);
    this.fill(status);
  }

  // What changes rarely is asked rarely.
  async slow(status) {
    const key = [status.phase, status.findings, status.dead_letters].join();
    const now = Date.now();
    if (now < this.rare && (key === this.key || now < this.rare - RARE + LOOK)) return [];
    this.key = key;
    this.rare = now + RARE;
    return Promise.all([
      api.report(this.id),
      status.findings ? api.findings(this.id, this.offset) : { findings: [] },
      status.dead_letters ? api.deadLetters(this.id) : { dead_letters: [] },
      status.live ? api.metrics() : "",
    ]);
  }

  sample(status) {
    const last = this.samples[this.samples.length - 1];
    const now = Date.now() / 1000;
    const rate = last && now > last.at ? Math.max(0, (status.copied - last.copied) / (now - last.at)) : 0;
    this.samples.push({ at: now, copied: status.copied, rate, lag: status.live ? status.live.lag_seconds : null });
    this.samples = this.samples.slice(-720);
  }

  rate() {
    const recent = this.samples.slice(-8);
    const [first, last] = [recent[0], recent[recent.length - 1]];
    return last.at > first.at ? (last.copied - first.copied) / (last.at - first.at) : 0;
  }

  build() {
    const part = (tag, attributes) => make(tag, attributes);
    this.parts = {
      head: part("section", { class: "card" }),
      numbers: part("section", { class: "numbers", "aria-label": "Lag, debt, longest finding" }),
      progress: part("div", {}),
      chart: part("div", { class: "chart", role: "img", "aria-label": "Records a second over time" }),
      gates: part("div", {}),
      buttons: part("div", { class: "buttons" }),
      pieces: part("div", {}),
      latency: part("div", {}),
      validation: part("div", {}),
      findings: part("div", {}),
      dead: part("div", {}),
      events: part("ul", { class: "events", tabindex: "0", "aria-label": "Events, newest first" }),
    };
    const p = this.parts;
    main.replaceChildren(p.head, p.numbers,
      card("What can be done now", p.buttons),
      make("div", { class: "row" }, card("Copy", p.progress, p.chart), card("Gates", p.gates)),
      p.pieces,
      make("div", { class: "row" }, card("Last comparison", p.validation), card("Latency through the daemon", p.latency)),
      make("div", { class: "row" }, card("Findings", p.findings), card("Refused by the target", p.dead)),
      card("Events", p.events));
    p.events.replaceChildren(...this.lines());
  }

  fill(status) {
    const p = this.parts;
    const phases = status.mode === "offline" ? PHASES.offline : PHASES.live;
    const at = phases.indexOf(status.resume_phase || status.phase);
    renew(p.head,
      make("h1", {}, status.migration_id),
      make("p", { class: "soft" }, `${status.source} → ${status.target}, ${status.mode}; ${answering(status.primary)}`),
      Object.keys(status.levers).length
        ? make("p", { class: "soft" }, `Set: ${Object.entries(status.levers).map(([name, value]) => `${name.replaceAll("_", "-")}=${value}`).join(", ")}`)
        : "",
      make("ol", { class: "phases", "aria-label": "Phases" }, phases.map((phase, place) => make("li",
        { class: place < at ? "done" : place === at && phase === status.phase ? "now" : "", "aria-current": phase === status.phase ? "step" : null }, word(phase))),
        phases.includes(status.phase) ? "" : make("li", { class: `now ${status.phase === "failed" ? "bad" : ""}`, "aria-current": "step" }, word(status.phase))),
      status.error ? make("p", { class: "bad" }, status.error) : "",
      ...Object.entries(status.throttled).map(([reason, why]) => make("p", { class: "warn" }, `Throttled by ${reason}: ${why}`)),
      status.live && status.live.secondary_down ? make("p", { class: "bad" }, `The secondary does not answer: ${status.live.secondary_down}`) : "",
      status.live && status.live.waiting ? make("p", { class: "soft" }, `Waits: ${status.live.waiting}`) : "",
      status.live && status.live.gap ? make("p", { class: "bad" }, "A write left without a mark: both sides are compared before a swap is possible.") : "",
      status.next_steps.length ? make("p", { class: "soft" }, "In a terminal: ", status.next_steps.map((step) => [make("code", {}, step), " "])) : "");
    const live = status.live;
    const large = (name, value, level, hint) =>
      make("div", { class: "card number" }, make("span", {}, name), make("b", { class: level }, value), make("span", {}, hint));
    const lag = live ? live.lag_seconds : null;
    renew(p.numbers,
      large("Lag", seconds(lag), lag === null ? "" : lag > 60 ? "bad" : lag > 5 ? "warn" : "good", "oldest record not copied yet"),
      large("Debt", count(status.debt), status.debt > 10000 ? "warn" : status.debt ? "" : "good", "ids the secondary still owes"),
      large("Longest finding", seconds(status.findings && this.since ? (Date.now() - this.since) / 1000 : 0),
        status.findings ? "bad" : "good", `${count(status.findings)} findings`),
      large("Refused", count(status.dead_letters), status.dead_letters ? "bad" : "good", "records the target will not take"));
    this.copy(status);
    renew(p.pieces, status.parts.length ? card("Parts", listed(status.parts, "Part", "")) : "");
    renew(p.gates, live && live.gates.length
      ? make("ul", { class: "gates" }, [...live.gates].sort((one, other) => one.open - other.open).map((gate) => make("li", { class: gate.open ? "good" : "bad" },
        `${gate.open ? "✓" : "✗"} ${gate.name}${gate.open ? "" : `: ${gate.reason}`}`)))
      : make("p", { class: "empty" }, status.mode === "offline" ? "Only a live migration is cut over." : "It is over."));
    const verbs = sensible(status).map((action) => this.button(action));
    renew(p.buttons, verbs.length ? verbs : make("p", { class: "empty" }, "Nothing: it is over, or under way to somewhere."));
  }

  button(action, label = action.label) {
    return make("button", {
      type: "button", class: action.danger ? "danger" : action.first ? "first" : "", onclick: () => confirm(action, this.status, soon),
    }, label);
  }

  copy(status) {
    const rate = this.rate();
    const left = status.total !== null && rate > 0 ? Math.max(0, status.total - status.copied) / rate : null;
    const running = status.phase === "backfill";
    const whole = status.total === null ? "" : ` of ${count(status.total)}`;
    this.parts.progress.replaceChildren(
      make("progress", { max: String(status.total || 1), value: String(Math.min(status.copied, status.total || 0)), "aria-label": "Records copied" }),
      make("p", {}, `${count(status.copied)}${whole} records, ${bytes(status.bytes)}, ${status.ranges_done} of ${status.ranges} ranges`,
        running ? `; ${count(rate)} a second, ${left === null ? "time left unknown" : `${seconds(left)} left`}` : ""));
    this.draw();
  }

  draw() {
    const box = this.parts.chart;
    if (!globalThis.uPlot || this.samples.length < 2) return;
    const data = [this.samples.map((one) => one.at), this.samples.map((one) => one.rate), this.samples.map((one) => one.lag)];
    if (this.plot) { this.plot.setData(data); return; }
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 } };
    this.plot = new uPlot({
      width: box.clientWidth || 300, height: 160, cursor: { show: false }, legend: { show: false },
      scales: { lag: { range: (_, __, most) => [0, Math.max(1, most)] }, y: { range: (_, __, most) => [0, Math.max(10, most)] } },
      axes: [{ ...axis, space: 90, values: (_, ticks) => ticks.map((tick) => clock(tick * 1000)) }, { ...axis, size: 60, label: "records/s", stroke: color("--accent") }, { ...axis, side: 1, scale: "lag", size: 50, label: "lag, s", grid: { show: false }, stroke: color("--warn"), show: this.status.mode !== "offline" }],
      series: [{}, { stroke: color("--accent"), width: 2 }, { stroke: color("--warn"), width: 1, scale: "lag" }],
    }, data, box);
    new ResizeObserver(() => this.plot.setSize({ width: box.clientWidth, height: 160 })).observe(box);
  }

  trust(status, last, found, dead, numbers) {
    const p = this.parts;
    const report = last.validation;
    const times = found.findings.map((one) => Date.parse(one.first_seen));
    this.since = times.length ? Math.min(...times) : null;
    renew(p.validation, ...(report ? this.compared(report) : [make("p", { class: "empty" }, "There was none yet.")]),
      make("p", {}, "For an auditor: ",
        make("a", { href: `${api.reportAt(this.id)}.html` }, "the report"), ", ",
        make("a", { href: api.reportAt(this.id), download: `${this.id.replaceAll(":", "-")}.json` }, "the same as signed JSON")));
    renew(p.findings,
      table(["Kind", "Id", "What", "Since"], found.findings.map((one) => [one.kind, one.id, one.detail || "", moment(one.first_seen)]),
        "Nothing differs that anybody knows of."),
      status.findings > 20 ? make("p", {},
        make("button", { type: "button", disabled: this.offset === 0, onclick: () => this.page(-20) }, "Earlier"), " ",
        make("button", { type: "button", disabled: this.offset + 20 >= status.findings, onclick: () => this.page(20) }, "Later"),
        ` ${this.offset + 1} to ${Math.min(this.offset + 20, status.findings)} of ${count(status.findings)}`) : "");
    renew(p.dead, table(["Id", "Why", ""], dead.dead_letters.map((one) =>
      [one.id, one.message, status.mode === "offline" ? "" : this.button(waive(one.id), "Go without")]), "Nothing was refused."));
    const rows = numbers ? this.latency.look(numbers) : [];
    const two = ([half, most]) => (half === null ? "none" : `${seconds(half)} / ${seconds(most)}`);
    renew(p.latency,
      table(["Listener", "Whole request", "Of it, the source", "Of it, us"], rows.map((row) =>
        [row.listener, two(row.request), two(row.source), two(row.added)]), "Nothing passes through the daemon for it."),
      rows.length ? make("p", { class: "soft" }, "Half / 99 % of the requests since the last look were faster.") : "");
  }

  page(by) {
    this.offset = Math.max(0, this.offset + by);
    this.rare = 0;
    soon();
  }

  compared(report) {
    const lines = [
      make("p", { class: report.ok ? "good" : "bad" }, report.statement || (report.ok ? "Nothing differs." : "There are differences.")),
      make("p", { class: "soft" }, `${report.method} at ${moment(report.started_at)}: ${count(report.compared)} compared, ${count(report.missing)} missing,`
        + ` ${count(report.extra)} extra, ${count(report.mismatched)} different; ${count(report.bit_equal)} vectors equal to the bit`),
    ];
    const most = Math.max(1, ...report.histogram.map((bar) => bar[2]));
    if (report.histogram.length) {
      const bars = report.histogram.map(([low, high, pairs]) => {
        const bar = make("i", { title: `${low.toFixed(4)} to ${high.toFixed(4)}: ${count(pairs)}` });
        bar.style.height = `${pairs ? Math.max(2, (100 * Math.log1p(pairs)) / Math.log1p(most)) : 0}%`;
        return bar;
      });
      lines.push(
        make("div", { class: "bars", role: "img", "aria-label": `Cosine similarity of ${count(report.compared)} pairs, least ${report.min_cosine}` }, bars),
        make("div", { class: "axis" }, make("span", {}, report.histogram[0][0].toFixed(3)), make("span", {}, "cosine similarity (logarithmic height)"),
          make("span", {}, report.histogram[report.histogram.length - 1][1].toFixed(3))));
    }
    return lines;
  }
}

// Putting it together.

let timer = null;
let asking = false;
let due = Infinity; // when the timer rings
let looked = 0;

function later(pause) {
  clearTimeout(timer);
  due = Date.now() + pause;
  timer = setTimeout(look, pause);
}

async function look() {
  clearTimeout(timer);
  due = Infinity;
  const looking = view;
  if (asking || !looking) return;
  asking = true;
  looked = Date.now();
  let pause = 0;
  try {
    await looking.look();
    state(true, `as of ${new Date().toLocaleTimeString([], { hour12: false })}`);
  } catch (error) {
    if (error instanceof api.Refused && error.status === 404) main.replaceChildren(make("p", { class: "bad" }, error.message), make("a", { href: "#/" }, "All migrations"));
    else state(false, error instanceof api.Refused ? error.message : "the daemon does not answer");
    pause = (error.after || 0) * 1000;
  } finally {
    asking = false;
    later(looking === view ? Math.max(pause, document.hidden ? RARE : looking.every()) : 0);
  }
}

// At once, but not more often than every other second: events may come in crowds, and a crowd must not put off the look.
function soon() {
  const wait = Math.max(150, looked + 2000 - Date.now());
  if (Date.now() + wait < due) later(wait);
}

function route() {
  if (view) view.close();
  const id = decodeURIComponent(location.hash.replace(/^#\/?/, ""));
  document.getElementById("trail").textContent = id;
  document.title = id ? `${id} – vectormigrate` : "vectormigrate";
  main.replaceChildren(make("p", { class: "empty" }, "Asking the daemon …"));
  view = id ? new One(id) : new List();
  look();
  main.focus();
}

addEventListener("hashchange", route);
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); }); // `#main` is no migration
document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
route();
api.follow((event) => {
  if (view instanceof One && view.concerned(event)) view.note(event);
  if (event.kind === "progress") return;
  if (["gap_opened", "secondary_down", "deletes_stopped"].includes(event.kind)) tell(`${event.migration_id}: ${word(event.kind)}`);
  soon();
}, (open) => { if (!open) state(false, "events are cut off; coming back"); });
