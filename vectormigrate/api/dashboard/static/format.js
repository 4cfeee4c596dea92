// Numbers and times as people read them, and elements without HTML in texts: nothing of a record is ever parsed.

const counts = new Intl.NumberFormat("en");
export const count = (value) => (value === null || value === undefined ? "–" : counts.format(Math.round(value)));

export function seconds(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value < 0.001) return value > 0 ? "<1 ms" : "0 s";
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 90) return `${value.toFixed(value < 10 ? 1 : 0)} s`;
  if (value < 5400) return `${Math.round(value / 60)} min`;
  if (value < 129600) return `${(value / 3600).toFixed(1)} h`;
  return `${(value / 86400).toFixed(1)} d`;
}

export function bytes(value) {
  if (value === null || value === undefined) return "–";
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (value < 1000) return `${value.toFixed(value < 10 && unit !== "B" ? 1 : 0)} ${unit}`;
    value /= 1000;
  }
  return `${value.toFixed(1)} TB`;
}

export const clock = (iso) => new Date(iso).toLocaleTimeString([], { hour12: false });
// Of today the time, of another day the date as well.
export const lately = (iso) => (new Date(iso).toDateString() === new Date().toDateString() ? clock(iso) : moment(iso));
export const moment = (iso) => (iso ? new Date(iso).toLocaleString([], { hour12: false }) : "–");
export const word = (text) => String(text).replaceAll("_", " ");

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(2)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

export const card = (title, ...children) => make("section", { class: "card" }, title ? make("h2", {}, title) : "", ...children);

// Other children, unless they are as they were: who reads with a keyboard or a screen reader keeps their place.
export function renew(element, ...children) {
  const next = element.cloneNode(false);
  next.append(...children.flat(2));
  if (next.isEqualNode(element)) return;
  const held = element.contains(document.activeElement) ? document.activeElement.textContent : null;
  element.replaceChildren(...next.childNodes);
  if (held) [...element.querySelectorAll("a, button")].find((one) => one.textContent === held)?.focus();
}

export function table(heads, rows, empty) {
  if (!rows.length) return make("p", { class: "empty" }, empty);
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": heads.join(", ") },
    make("table", {},
      make("thead", {}, make("tr", {}, heads.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, rows.map((row) => make("tr", {}, row.map((cell, place) => make("td", { "data-head": heads[place] }, cell)))))));
}

/** Who answers the application, of several parts some of which are cut over: both. */
export function answering(primary) {
  return primary === "both" ? "both answer the application, part by part" : `the ${primary} answers the application`;
}
