"use strict";
// What is shown: one object, kept in the hash of the address.

const DEFAULTS = {
  run: "", other: "", statistic: "", mode: "", role: "", text: "", order: "forward",
  rows: "fit", layer: "", variable: "", step: "", from: "", to: "", cell: "",
};
const view = { ...DEFAULTS };
const IN_HASH = ["run", "other", "statistic", "mode", "role", "text", "order", "rows", "layer",
  "variable", "step", "from", "to"];

function readHash() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const name of IN_HASH) view[name] = given.get(name) ?? DEFAULTS[name];
  const choices = { mode: ["", ...MODES], order: ["forward", "worst"], rows: ["fit", "read"] };
  for (const [name, values] of Object.entries(choices)) {
    if (!values.includes(view[name])) view[name] = DEFAULTS[name];
  }
}

function writeHash() {
  const kept = new URLSearchParams();
  for (const name of IN_HASH) if (view[name] !== DEFAULTS[name]) kept.set(name, view[name]);
  const hash = `#${kept}`;
  if (hash === location.hash || (hash === "#" && !location.hash)) return;
  try {
    history.replaceState(null, "", hash);
  } catch (error) {
    // A frame without an address of its own has no history to write to.
    if (!(error instanceof DOMException)) throw error;
  }
}

/**
 * What the picture compares: what was chosen, else change; but what is wrong from the first step on
 * has no healthy past to be compared with, and stands out beside its peers.
 */
function modeOf(run) {
  if (view.mode) return view.mode;
  const worst = run.findings.find((one) => one.layer);
  return worst && worst.step <= run.steps[0] ? "level" : "change";
}

/** The step in view as a number; null where none is chosen. */
function chosenStep() {
  return view.step === "" || Number.isNaN(Number(view.step)) ? null : Number(view.step);
}

/** The steps between which the pictures are drawn. */
function shownSpan(run) {
  const last = run.last + gapAtEnd(run);
  const from = view.from === "" ? run.steps[0] : Math.max(run.steps[0], Number(view.from) || 0);
  const to = view.to === "" ? last : Math.min(last, Number(view.to) || last);
  return from < to ? [from, to] : [run.steps[0], last];
}

/** The last step is drawn as wide as the one before it. */
function gapAtEnd(run) {
  const count = run.steps.length;
  return count > 1 ? Math.max(1, (run.last - run.steps[0]) / (count - 1)) : 1;
}

/** Rows in the order in which they are drawn: grouped by layer, or the worst first. */
function orderedRows(run, scores) {
  const text = view.text.toLowerCase();
  const rows = run.variables.filter(
    (one) => (!view.role || one.role === view.role) && one.path.toLowerCase().includes(text));
  if (view.order === "worst" && scores) return worstFirst(run, rows, scores);
  const first = new Map();
  for (const { layer, place } of run.variables) if (!first.has(layer)) first.set(layer, place);
  rows.sort((a, b) => first.get(a.layer) - first.get(b.layer) || a.place - b.place);
  return rows.map((one) => one.place);
}

function worstFirst(run, rows, scores) {
  const [from, to] = shownSpan(run);
  const span = [stepAt(run, from), stepAt(run, to) + 1];
  const found = new Map(run.findings.filter((one) => one.row !== null).map((one, i) => [one.row, i]));
  const badness = new Map(rows.map(({ place }) =>
    [place, badnessOfRow(scores, place, run.steps.length, span, modeOf(run))]));
  const rank = (row) => (found.has(row) ? found.get(row) : found.size);
  const places = rows.map((one) => one.place);
  return places.sort((a, b) => rank(a) - rank(b) || badness.get(b) - badness.get(a) || a - b);
}
