"use strict";
// Puts the page together: what is loaded, what is chosen, and what a change draws anew.

const REFRESH = 30000; // milliseconds between looks at a server
const FAVOURITES = ["gradient_rms", "update_rms", "update_ratio", "value_rms"];
const $ = (id) => document.getElementById(id);

const page = {
  source: null, runs: [], run: null, other: null, map: null, series: null, layer: null, rows: [], colours: null,
  hover: { row: -1, step: null }, details: new Map(),
};

async function start() {
  followTheme();
  page.source = dataSource();
  page.runs = await page.source.runs();
  readHash();
  if (page.runs.length) await show();
  else say(noRuns());
  if (page.source.isServed) setInterval(() => refresh().catch(fail), REFRESH);
}

/** Shows the page for the first time. */
async function show() {
  $("state").hidden = true;
  $("page").hidden = false;
  buildControls();
  page.map = makeMap($("map"), { picked, hovered, zoomed });
  await chooseRuns();
  performance.mark("gtlog-drawn");
  listenToPage();
}

function noRuns() {
  return "There is no run with gtlog's vitals here yet. Put @gtlog.logged_step(writer) above the training step, " +
    "and start the training: the picture of all layers appears here.";
}

function say(message) {
  $("state").hidden = false;
  $("state").textContent = message;
}

function fail(error) {
  say(`The page cannot be shown: ${error.message}`);
}

/** Loads the chosen runs, and draws all of it. */
async function chooseRuns() {
  const chosen = page.runs.find((one) => one.name === view.run) || page.runs.find((one) => one.alarms) || page.runs[0];
  const other = page.runs.find((one) => one.name === view.other && one.key !== chosen.key);
  page.key = chosen.key;
  page.run = await loaded(chosen);
  page.other = other ? await loaded(other) : null;
  page.hover = { row: -1, step: null };
  $("run").value = chosen.key;
  $("other").value = other ? other.key : "";
  fitToRun();
  drawAll();
}

async function loaded(entry) {
  if (!entry.run || entry.runMark !== entry.mark) {
    entry.run = await page.source.run(entry.key);
    entry.runMark = entry.mark;
    page.details.clear();
  }
  return entry.run;
}

/** Asks the server what is new. */
async function refresh() {
  if (document.hidden) return;
  const known = new Map(page.runs.map((one) => [one.key, one]));
  page.runs = (await page.source.runs()).map((one) => Object.assign(known.get(one.key) ?? {}, one));
  if (!page.runs.length) return;
  $("state").hidden = true;
  if (!page.map) return show();
  if (page.runs.length !== known.size || page.runs.some((one) => !known.has(one.key))) buildRunChoices();
  const isGone = !page.runs.some((one) => one.key === page.key);
  if (isGone || page.runs.some((one) => one.run && one.runMark !== one.mark)) await chooseRuns();
  $("run").value = page.key;
}

// Controls

function buildControls() {
  buildRunChoices();
  radios($("mode"), "mode", [["change", "change"], ["level", "level"], ["absolute", "absolute"]]);
  radios($("order"), "order", [["forward", "forward"], ["worst", "worst first"]]);
  radios($("rows"), "rows", [["fit", "all"], ["read", "readable"]]);
  $("run").addEventListener("change", () => choose("run", nameOf($("run").value), true));
  $("other").addEventListener("change", () => choose("other", nameOf($("other").value), true));
  $("statistic").addEventListener("change", () => choose("statistic", $("statistic").value));
  $("role").addEventListener("change", () => choose("role", $("role").value));
  $("text").addEventListener("input", () => choose("text", $("text").value));
  $("whole").addEventListener("click", () => zoomed("", ""));
  $("keys").replaceChildren(...keysInWords());
}

function buildRunChoices() {
  const options = () => page.runs.map((one) => option(one.key, one.name + alarmsInWords(one.alarms)));
  $("run").replaceChildren(...options());
  $("other").replaceChildren(option("", "no other run"), ...options());
  $("other-label").hidden = page.runs.length < 2;
}

function alarmsInWords(alarms) {
  return alarms ? ` (${alarms} ${alarms === 1 ? "alarm" : "alarms"})` : "";
}

function nameOf(key) {
  return page.runs.find((one) => one.key === key)?.name ?? "";
}

function option(value, words) {
  const element = make("option", "", words);
  element.value = value;
  return element;
}

function radios(container, name, choices) {
  for (const [value, words] of choices) {
    const input = make("input");
    Object.assign(input, { type: "radio", name, value });
    input.addEventListener("change", () => choose(name, value));
    container.append(make("label", "", [input, make("span", "", words)]));
  }
}

function choose(name, value, isRun = false) {
  view[name] = value;
  if (isRun) chooseRuns().catch(fail);
  else drawAll();
}

/** What the run has to choose from, and what of the choice it lacks. */
function fitToRun() {
  const { run } = page;
  const statistics = run.statistics.filter((one) => !one.endsWith("nonfinite"));
  const order = [...FAVOURITES.filter((one) => statistics.includes(one)), ...statistics.filter((one) => !FAVOURITES.includes(one))];
  if (!order.includes(view.statistic)) view.statistic = order[0] ?? "";
  $("statistic").replaceChildren(...order.map((one) => option(one, one)));
  const counts = new Map();
  for (const { role } of run.variables) counts.set(role, (counts.get(role) ?? 0) + 1);
  if (!counts.has(view.role)) view.role = "";
  $("role").replaceChildren(option("", "all roles"),
    ...[...counts].map(([role, number]) => option(role, `${role.replace(/_/g, " ")} (${number})`)));
}

function showControls() {
  $("statistic").value = view.statistic;
  $("role").value = view.role;
  if ($("text").value !== view.text) $("text").value = view.text;
  for (const name of ["mode", "order", "rows"]) {
    for (const input of $(name).querySelectorAll("input")) input.checked = input.value === (name === "mode" ? modeOf(page.run) : view[name]);
  }
  $("whole").hidden = view.from === "" && view.to === "";
  $("extent").textContent = extentInWords(page.run);
  document.body.classList.toggle("two-runs", page.other !== null);
}

function extentInWords(run) {
  const layers = new Set(run.variables.map((one) => one.layer)).size;
  const steps = run.steps.length;
  if (!steps) return "no steps";
  const shown = steps < run.logged ? `${commas(run.logged)} logged steps in ${commas(steps)} columns, each with its worst`
    : `${commas(steps)} logged steps`;
  const span = steps > 1 ? `, ${commas(run.steps[0])} to ${commas(run.last)}` : `, number ${commas(run.last)}`;
  return `${commas(run.variables.length)} variables in ${commas(layers)} layers · ${shown}${span}`;
}

// Drawing

function drawAll() {
  writeHash();
  showControls();
  drawNotes();
  drawFindings($("findings"), page.run, showFinding);
  page.colours = palette();
  drawPictures();
}

function drawNotes() {
  const notes = [...page.run.notes];
  if (page.run.notesLeftOut) notes.push(`${page.run.notesLeftOut} more notes are left out.`);
  $("notes").replaceChildren(...notes.map((one) => make("li", "", one)));
}

/** Draws what depends on the width: the picture, the curves, the layer. */
function drawPictures() {
  const { run, other } = page;
  const hasMap = hasPicture();
  page.rows = hasMap ? page.rows : [];
  $("layer").hidden = view.layer === "";
  $("columns").classList.toggle("with-layer", view.layer !== "");
  const width = Math.max(420, $("left").clientWidth);
  const span = run.steps.length ? unionSpan() : [0, 1];
  $("map").hidden = $("legend").hidden = $("controls").hidden = !hasMap;
  drawNames(!hasMap);
  if (hasMap) drawMap(span, width);
  if (!run.steps.length) return;
  page.series = drawSeries($("series"), { runs: [run, other].filter(Boolean), span, width });
  drawLayerPanel(span);
  const step = chosenStep();
  moveSeriesCross(page.series, step, true);
  if (hasMap) moveCross(page.map, step, true);
}

const MOST_NAMES = 400;

/** Without vitals there is no picture to click into: the variables by name. */
function drawNames(isShown) {
  const { variables } = page.run;
  $("names").hidden = !isShown || !variables.length;
  if ($("names").hidden) return;
  const buttons = variables.slice(0, MOST_NAMES).map(({ path, place }) => {
    const button = make("button", path === view.variable ? "chip on" : "chip", cut(path));
    button.type = "button";
    button.addEventListener("click", () => openRow(place));
    return button;
  });
  const more = variables.length - buttons.length;
  if (more > 0) buttons.push(make("span", "quiet", `and ${more} more`));
  $("names").replaceChildren(...buttons);
}

function unionSpan() {
  const spans = [page.run, page.other].filter((one) => one && one.steps.length).map(shownSpan);
  return [Math.min(...spans.map((one) => one[0])), Math.max(...spans.map((one) => one[1]))];
}

function hasPicture() {
  return page.run.steps.length > 0 && view.statistic !== "";
}

function drawMap(span, width) {
  const { run, other, colours } = page;
  const { statistic } = view, mode = modeOf(run);
  const kind = run.kindOf(statistic);
  const scores = scoresOf(run, statistic, mode);
  page.rows = orderedRows(run, scores);
  const range = mode === "absolute" ? rangeOf(codesWithNonfinite(run, statistic), kind) : null;
  const colour = mode === "absolute" ? sequentialScale(colours, range) : divergingScale(colours, kind);
  const panels = [{ run, scores, mode, colour, kind, title: other ? run.name : "" }];
  if (other) panels.push(...otherPanels({ mode, colour, kind }));
  const chosen = placeOf(run, view.variable);
  layOutMap(page.map, { panels, rows: page.rows, span, width, findings: run.findings, variables: run.variables, chosen });
  const shown = `${page.rows.length} of ${run.variables.length} variables`;
  drawLegend($("legend"), { statistic, mode, kind, range, extra: page.rows.length < run.variables.length ? shown : "" });
}

function otherPanels({ mode, colour, kind }) {
  const { run, other, colours } = page;
  const places = counterparts(run, other);
  const has = other.statistics.includes(view.statistic);
  const scores = has ? scoresOf(other, view.statistic, mode)
    : new Int16Array(other.variables.length * other.steps.length).fill(ABSENT);
  return [
    { run: other, scores, mode, colour, kind, places, title: other.name },
    { run, scores: difference(run, other, view.statistic), mode: "difference", kind,
      colour: divergingScale(colours, kind), title: `${other.name} against ${run.name}` },
  ];
}

function drawLayerPanel(span) {
  const row = placeOf(page.run, view.variable);
  page.layer = null;
  if (view.layer === "" || row < 0) {
    $("layer").hidden = true;
    $("columns").classList.remove("with-layer");
    return;
  }
  page.layer = drawLayer($("layer"), {
    runs: [page.run, page.other], row, span, width: Math.max(280, $("layer").clientWidth - 24), step: chosenStep(),
    details: detailsFor(page.run.variables[row]), close: closeLayer, choose: (place) => openRow(place),
  });
  moveLayerCross(chosenStep(), true);
}

/** Histograms and pictures of a variable: in the page, or asked of the server once. */
function detailsFor(variable) {
  if (!page.source.isServed || page.run.details) return page.run.details;
  const key = `${page.key} ${variable.path}`;
  if (!page.details.has(key)) {
    page.details.set(key, "loading");
    page.source.details(page.key, variable.path).then((found) => {
      for (const one of [...found.histograms, ...found.pictures]) one.row = variable.place;
      page.details.set(key, found);
    }, (error) => page.details.set(key, error)).then(() => drawPictures());
  }
  return page.details.get(key);
}

// What the pointer and the keys do

function showFinding(finding) {
  view.step = String(finding.step);
  if (finding.row !== null) {
    view.text = "";
    view.role = "";
    return openRow(finding.row);
  }
  drawAll();
}

function openRow(row) {
  const variable = page.run.variables[row];
  view.layer = variable.layer || variable.path;
  view.variable = variable.path;
  drawAll();
  if (page.rows.length) reveal(page.map, row);
}

function closeLayer() {
  view.layer = "";
  view.variable = "";
  drawAll();
}

function picked({ row, step }) {
  if (step !== null) view.step = String(step);
  openRow(row);
}

function zoomed(from, to) {
  view.from = from === "" ? "" : String(Math.floor(from));
  view.to = to === "" ? "" : String(Math.ceil(to));
  drawAll();
}

function hovered(spot, event) {
  const step = spot ? spot.step : null;
  hoverMap(page.map, spot ? spot.place : -1, step);
  if (page.series) moveSeriesCross(page.series, step ?? chosenStep(), false);
  if (page.layer) moveLayerCross(step, false);
  showTip(spot && spot.place >= 0 && step !== null ? spot : null, event);
}

function moveLayerCross(step, isChosen) {
  const panel = page.layer;
  if (!panel) return;
  const cross = isChosen ? panel.chosen : panel.cross;
  cross.hidden = step === null;
  const wanted = step ?? chosenStep();
  if (step !== null) {
    cross.style.transform = `translateX(${positionOf(page.run, step, panel.span, panel.left, panel.width)}px)`;
  }
  for (const { value, lines } of panel.charts) {
    value.textContent = wanted === null ? "" : lines.map(({ run, values }) => said(values[stepAt(run, wanted)])).join(" | ");
  }
  if (panel.picture) showPicture(panel.picture, wanted);
}

function cellInWords({ panel, row, step }) {
  const place = panel.places ? panel.places[row] : row;
  if (place < 0) return [cut(page.run.variables[row].path), "not in this run"];
  const i = place * panel.run.steps.length + stepAt(panel.run, step);
  const lines = [cut(page.run.variables[row].path), `step ${commas(step)}`];
  if (panel.mode !== "difference") {
    lines.push(`${view.statistic} ${inWords(codesWithNonfinite(panel.run, view.statistic)[i], panel.kind)}`);
  }
  lines.push(scoreInWords(panel.scores[i], panel.mode === "absolute" ? "absolute" : panel.mode, panel.kind));
  return lines.filter(Boolean);
}

function showTip(spot, event) {
  const tip = $("tip");
  tip.hidden = !spot;
  if (!spot) return;
  const [first, ...rest] = cellInWords(spot);
  tip.replaceChildren(make("code", "", first), ...rest.map((one) => make("div", "", one)));
  const right = event.clientX + 18 + tip.offsetWidth > window.innerWidth;
  const low = event.clientY + 18 + tip.offsetHeight > window.innerHeight;
  tip.style.left = `${right ? event.clientX - tip.offsetWidth - 14 : event.clientX + 16}px`;
  tip.style.top = `${low ? event.clientY - tip.offsetHeight - 12 : event.clientY + 16}px`;
}

const KEYS = {
  ArrowDown: () => moveRow(1), ArrowUp: () => moveRow(-1), PageDown: () => moveRow(10), PageUp: () => moveRow(-10),
  ArrowRight: () => moveStep(1), ArrowLeft: () => moveStep(-1), Enter: () => openFocused(),
};
const LETTERS = {
  c: () => choose("mode", "change"), l: () => choose("mode", "level"), a: () => choose("mode", "absolute"),
  w: () => choose("order", view.order === "worst" ? "forward" : "worst"),
  r: () => choose("rows", view.rows === "fit" ? "read" : "fit"),
  s: () => nextStatistic(), n: () => nextFinding(), "/": () => $("text").focus(), Escape: () => escape(),
};

function keysInWords() {
  const keys = [["↑ ↓", "row"], ["← →", "step"], ["Enter", "open the layer"], ["Esc", "close, or all steps"], ["n", "next finding"],
    ["c l a", "colour"], ["w", "worst first"], ["r", "readable rows"], ["s", "next statistic"], ["/", "filter"]];
  return [...keys.flatMap(([key, words]) => [make("kbd", "", key), ` ${words}  `]), "Drag over the picture to look at fewer steps."];
}

function listenToPage() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isTyping = event.target.matches?.("input[type=search], select");
    if (isTyping && event.key !== "Escape") return;
    const isMap = page.rows.length > 0 && (event.target === $("map") || event.target === document.body);
    const act = LETTERS[event.key] || (isMap && KEYS[event.key]);
    if (!act || !page.run) return;
    event.preventDefault();
    act();
  });
  window.addEventListener("hashchange", () => {
    readHash();
    chooseRuns().catch(fail);
  });
  let pending = 0, drawn = sizeOfWindow();
  new ResizeObserver(() => {
    // What is drawn makes the page longer, which is no reason to draw it again.
    if (drawn === sizeOfWindow()) return;
    drawn = sizeOfWindow();
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(drawPictures);
  }).observe(document.body);
}

function sizeOfWindow() {
  return `${document.body.clientWidth} ${window.innerHeight} ${devicePixelRatio}`;
}

function moveRow(by) {
  if (!page.rows.length) return;
  const place = page.rows.indexOf(page.hover.row);
  const next = place < 0 ? 0 : Math.max(0, Math.min(page.rows.length - 1, place + by * page.map.perBand));
  focusCell(page.rows[next], page.hover.step ?? chosenStep() ?? page.run.last);
}

function moveStep(by) {
  const { run, rows, hover } = page;
  const place = stepAt(run, hover.step ?? chosenStep() ?? run.steps[0]);
  const next = Math.max(0, Math.min(run.steps.length - 1, place + by));
  focusCell(hover.row >= 0 ? hover.row : rows[0], run.steps[next]);
}

function focusCell(row, step) {
  page.hover = { row, step };
  hoverMap(page.map, page.rows.indexOf(row), step);
  reveal(page.map, row);
  if (page.series) moveSeriesCross(page.series, step, false);
  moveLayerCross(step, false);
  $("said").textContent = cellInWords({ panel: page.map.panels[0], row, step }).join(", ");
}

function openFocused() {
  if (page.hover.row < 0) return;
  view.step = String(page.hover.step);
  openRow(page.hover.row);
}

function nextStatistic() {
  const choices = [...$("statistic").options].map((one) => one.value);
  if (choices.length) choose("statistic", choices[(choices.indexOf(view.statistic) + 1) % choices.length]);
}

function nextFinding() {
  const { findings } = page.run;
  if (!findings.length) return;
  page.finding = ((page.finding ?? -1) + 1) % findings.length;
  showFinding(findings[page.finding]);
}

function escape() {
  if (document.activeElement === $("text")) $("text").blur();
  else if (view.layer !== "") closeLayer();
  else zoomed("", "");
}

/** Dark or light as the system, or as TensorBoard around the page. */
function followTheme() {
  const redraw = () => page.run && drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new MutationObserver(redraw).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  let host = null;
  try {
    host = window.parent !== window ? window.parent.document.body : null;
  } catch (error) {
    // Around a sandboxed frame there is nothing to be read.
    if (!(error instanceof DOMException)) throw error;
  }
  if (!host || !document.querySelector("script[src]")) return;
  const follow = () => {
    const isDark = host.classList.contains("dark-mode");
    document.documentElement.classList.toggle("dark", isDark);
    document.documentElement.classList.toggle("light", !isDark);
  };
  follow();
  new MutationObserver(follow).observe(host, { attributes: true, attributeFilter: ["class"] });
}

if (document.readyState === "loading") {
  document.addEventListener("DOMContentLoaded", () => start().catch(fail));
} else start().catch(fail);
