"use strict";
// One layer: curves of its vitals, its histograms over the steps, its kernel picture.

const PANEL_GUTTER = 58, HISTOGRAM_HEIGHT = 110;
const CURVES = [
  { title: "gradient", first: "gradient_rms", faint: "gradient_max", words: "root mean square; dashed the largest" },
  { title: "update", first: "update_rms", words: "root mean square of the change" },
  { title: "value", first: "value_rms", faint: "value_max", words: "root mean square; dashed the largest" },
  { title: "update ratio", first: "update_ratio", rule: 1e-3, words: "update over value; dotted 0.001" },
  { title: "zeros in the gradient", first: "gradient_zeros", isQuiet: true, words: "share of the elements" },
  { title: "zeros in the value", first: "value_zeros", isQuiet: true, words: "share of the elements" },
  { title: "dead units", first: "dead_units", isQuiet: true, words: "share of the output units" },
  { title: "identical units", first: "identical_units", isQuiet: true, words: "share of the output units" },
  { title: "descent", first: "descent", words: "1 goes straight down the gradient, −1 up" },
  { title: "NaN or infinite in the gradient", first: "gradient_nonfinite", isQuiet: true, words: "elements" },
  { title: "NaN or infinite in the value", first: "value_nonfinite", isQuiet: true, words: "elements" },
];

/** Fills the panel with the layer of a row. Returns what moves in it. */
function drawLayer(container, { runs, row, span, width, step, details, close, choose }) {
  const [run, other] = runs;
  const variable = run.variables[row];
  const title = make("h2", "", make("code", "", cut(variable.layer) || "no layer"));
  const button = make("button", "close", "×");
  button.type = "button";
  button.title = "Close (Escape)";
  button.setAttribute("aria-label", "Close the layer");
  button.addEventListener("click", close);
  const chips = run.variables.filter((one) => one.layer === variable.layer).map((one) => chip(one, row, choose));
  const panel = { charts: [], picture: null, runs, span, left: PANEL_GUTTER, width: width - PANEL_GUTTER - RIGHT };
  const parts = [make("header", "", [title, button]), make("div", "chips", chips), make("p", "facts", facts(variable))];
  const place = other ? counterparts(run, other)[row] : -1;
  const pair = place < 0 ? [[run, row]] : [[run, row], [other, place]];
  if (place >= 0 && other.variables[place].path !== variable.path) {
    parts.push(make("p", "facts", [`in ${cut(other.name)}: `, make("code", "", cut(other.variables[place].path))]));
  }
  for (const curve of CURVES) {
    const chart = layerChart(curve, pair, panel);
    if (chart) parts.push(chart);
  }
  parts.push(...detailParts(details, variable, panel, step));
  panel.cross = make("div", "cross");
  panel.chosen = make("div", "cross chosen");
  panel.cross.hidden = panel.chosen.hidden = true;
  container.replaceChildren(...parts, panel.cross, panel.chosen);
  stretchCrosses(panel, container.querySelectorAll(".chart"));
  return panel;
}

/** The cross-hair of the panel reaches from its first chart to its last. */
function stretchCrosses(panel, charts) {
  if (!charts.length) return;
  const last = charts[charts.length - 1];
  for (const cross of [panel.cross, panel.chosen]) {
    cross.style.top = `${charts[0].offsetTop + 20}px`;
    cross.style.height = `${last.offsetTop + last.offsetHeight - charts[0].offsetTop - 20}px`;
    cross.style.left = `${charts[0].offsetLeft}px`;
  }
}

function placeOf(run, path) {
  return run.variables.findIndex((one) => one.path === path);
}

function chip(variable, row, choose) {
  const button = make("button", variable.place === row ? "chip on" : "chip", cut(variable.path.slice(variable.layer.length).replace(/^\//, "")));
  button.type = "button";
  button.setAttribute("aria-pressed", String(variable.place === row));
  button.addEventListener("click", () => choose(variable.place));
  return button;
}

function facts({ path, role, shape, dtype, trained }) {
  const size = commas(shape.reduce((product, one) => product * one, 1));
  const state = trained === null ? "" : trained ? ", trained" : ", not trained";
  if (!dtype) return [make("code", "", cut(path)), ` ${role.replace(/_/g, " ")}`]; // a run without vitals
  const form = shape.length ? `${shape.join(" × ")} = ${size} elements` : "one number";
  return [make("code", "", cut(path)), ` ${role.replace(/_/g, " ")}, ${form}, ${dtype}${state}`];
}

function layerChart({ title, first, faint, rule = null, isQuiet, words }, pair, panel) {
  const lines = [];
  pair.forEach(([run, row], i) => {
    for (const [name, style] of [[faint, "faint"], [first, i ? "second" : "first"]]) {
      if (!name || (i && style === "faint")) continue;
      const values = rowValues(run, name, row);
      if (values) lines.push({ run, values, style, kind: run.kindOf(name), name });
    }
  });
  const main = lines.filter((one) => one.name === first);
  if (!main.some((one) => one.values.some((value) => !Number.isNaN(value) && (!isQuiet || value !== 0)))) return null;
  const kind = main[0].kind;
  const scale = kind === "log" && !first.endsWith("nonfinite") ? "log" : "linear";
  const range = kind === "share" ? [0, 1] : kind === "cosine" ? [-1, 1] : null;
  const canvas = make("canvas"), value = make("span", "value");
  drawChart(canvas, { lines, span: panel.span, left: panel.left, width: panel.width, scale, rule, range,
    margin: range ? 0.05 : 0, height: 64 });
  panel.charts.push({ value, lines: main });
  return make("div", "chart", [make("div", "chart-title", [make("b", "", title), make("small", "", words), value]), canvas]);
}

/** The numbers of a row; a magnitude of exactly zero has no logarithm and leaves a gap. */
function rowValues(run, name, row) {
  const codes = run.column(name);
  if (!codes) return null;
  const kind = run.kindOf(name), steps = run.steps.length;
  return Float64Array.from(codes.subarray(row * steps, (row + 1) * steps), (code) =>
    code === ABSENT ? NaN : code === INFINITE ? Infinity : code === ZERO ? 0 : numberOf(code, kind));
}

function detailParts(details, variable, panel, step) {
  if (details === null) return [];
  if (details instanceof Error) return [make("p", "quiet", `Its histograms cannot be shown: ${details.message}`)];
  if (details === "loading") return [make("p", "quiet", "Reading histograms …")];
  const histograms = details.histograms.filter((one) => one.row === variable.place);
  const parts = histograms.map((one) => histogramChart(one, panel));
  panel.picture = kernelPicture(details, variable);
  if (panel.picture) {
    parts.push(panel.picture.element);
    showPicture(panel.picture, step);
  }
  if (!panel.picture && details.picturesLeftOut) {
    parts.push(make("p", "quiet", "Kernels of some layers are left out, so that the page stays small: this one's may be among them."));
  }
  if (!parts.length) parts.push(make("p", "quiet", "No histograms or pictures of this variable are in this page."));
  return parts;
}

/** A histogram over the steps: a column each, its density as colour, percentiles as lines. */
function histogramChart(histogram, panel) {
  const canvas = make("canvas");
  const context = sized(canvas, panel.left + panel.width + RIGHT, HISTOGRAM_HEIGHT);
  const { steps, edges } = histogram;
  const [low, high] = histogramRange(edges);
  const y = (value) => HISTOGRAM_HEIGHT - 4 - ((value - low) / (high - low)) * (HISTOGRAM_HEIGHT - 8);
  const isLog = histogram.kind.endsWith("signed_log");
  drawRange(context, { low, high, scale: "linear", left: panel.left, height: HISTOGRAM_HEIGHT });
  context.strokeStyle = token("--line");
  context.strokeRect(panel.left - 0.5, 0.5, panel.width + 1, HISTOGRAM_HEIGHT - 1);
  context.save();
  context.beginPath();
  context.rect(panel.left, 1, panel.width, HISTOGRAM_HEIGHT - 2);
  context.clip();
  const at = (step) => panel.left + ((step - panel.span[0]) / (panel.span[1] - panel.span[0])) * panel.width;
  const ends = Array.from(steps, (step, i) => (i + 1 < steps.length ? at(steps[i + 1]) : panel.left + panel.width));
  steps.forEach((step, i) => drawColumn(context, histogram, i, at(step), ends[i], y));
  drawBands(context, histogram, at, ends, y);
  context.restore();
  const words = `${steps.length} of its histograms${isLog ? ", signed logarithm" : ""}; lines: 5 %, median, 95 %`;
  return make("div", "chart", [make("div", "chart-title",
    [make("b", "", histogram.kind.replace(/_signed_log$/, "")), make("small", "", words)]), canvas]);
}

function histogramRange(edges) {
  const lows = edges.filter((_, i) => i % 2 === 0).sort(), highs = edges.filter((_, i) => i % 2).sort();
  // One step with an outlier does not flatten all the others.
  const low = lows[Math.floor(lows.length * 0.05)], high = highs[Math.ceil((highs.length - 1) * 0.95)];
  return high > low ? [low, high] : [low - Math.max(Math.abs(low) * 0.1, 1e-9), high + Math.max(Math.abs(high) * 0.1, 1e-9)];
}

function drawColumn(context, { counts, edges, steps }, i, begin, end, y) {
  const buckets = counts.length / steps.length;
  const low = edges[2 * i], high = edges[2 * i + 1];
  const width = Math.max(end - begin, 1);
  context.fillStyle = token("--second");
  for (let k = 0; k < buckets; k++) {
    const count = counts[i * buckets + k];
    if (!count) continue;
    const top = y(low + ((k + 1) / buckets) * (high - low)), bottom = y(low + (k / buckets) * (high - low));
    context.globalAlpha = 0.08 + 0.62 * (count / 255);
    const height = Math.max(bottom - top, 1);
    context.fillRect(begin, high > low ? top : y(low) - 1, width + 0.3, high > low ? height + 0.3 : 2);
    if (!(high > low)) break;
  }
  context.globalAlpha = 1;
}

function drawBands(context, { steps, bands }, at, ends, y) {
  for (const [place, colour, dash] of [[0, "--soft", [2, 3]], [2, "--ink", []], [4, "--soft", [2, 3]]]) {
    context.strokeStyle = token(colour);
    context.setLineDash(dash);
    context.beginPath();
    steps.forEach((step, i) => {
      const height = y(bands[5 * i + place]);
      context.lineTo(at(step), height);
      context.lineTo(ends[i], height);
    });
    context.stroke();
  }
  context.setLineDash([]);
}

function kernelPicture(details, variable) {
  const pictures = details.pictures.filter((one) => one.row === variable.place).sort((a, b) => a.step - b.step);
  if (!pictures.length) return null;
  const image = make("img", "kernel"), caption = make("figcaption");
  image.alt = "The kernel as a picture: red is positive, blue negative.";
  return { pictures, image, caption, step: null, element: make("figure", "", [caption, image]) };
}

/** Shows the picture of the step that is nearest to another. */
function showPicture(picture, step) {
  const { pictures, image, caption } = picture;
  const wanted = step ?? pictures[pictures.length - 1].step;
  const nearest = pictures.reduce((best, one) => (Math.abs(one.step - wanted) < Math.abs(best.step - wanted) ? one : best));
  if (picture.step === nearest.step) return;
  picture.step = nearest.step;
  if (image.src) URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(nearest.blob);
  const steps = pictures.map((one) => commas(one.step)).join(", ");
  caption.replaceChildren(make("b", "", "kernel"), ` at step ${commas(nearest.step)}; there are pictures of the steps ${steps}`);
}
