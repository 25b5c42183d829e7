"use strict";
// Curves over the steps: losses and norms beneath the picture, the vitals of a layer beside it.

const CHART = { height: 74, top: 8, bottom: 8 };
const QUANTILE = 0.01; // beyond which a curve does not stretch its chart

/**
 * A chart: `lines` of {run, values, style}, drawn between the steps of `span`.
 * Values that are not finite are marked at the upper edge.
 */
function drawChart(canvas, { lines, span, left, width, scale, rule = null, height = CHART.height, range = null, margin = 0 }) {
  const context = sized(canvas, left + width + RIGHT, height);
  const map = scale === "log" ? Math.log10 : (one) => one;
  const [lowest, highest] = range || robustRange(lines, map, scale === "log" ? -Infinity : 0);
  const low = lowest - margin, high = highest + margin;
  const y = (value) => CHART.top + (1 - (map(value) - low) / (high - low)) * (height - CHART.top - CHART.bottom);
  context.strokeStyle = token("--line");
  context.strokeRect(left - 0.5, 0.5, width + 1, height - 1);
  drawRange(context, { low: lowest, high: highest, scale, left, height });
  context.save();
  context.beginPath();
  context.rect(left, 1, width, height - 2);
  context.clip();
  if (rule !== null) drawRule(context, y(rule), left, width);
  for (const line of lines) drawLine(context, line, span, left, width, y);
  context.restore();
}

function drawRule(context, y, left, width) {
  context.strokeStyle = token("--soft");
  context.setLineDash([2, 4]);
  context.beginPath();
  context.moveTo(left, y);
  context.lineTo(left + width, y);
  context.stroke();
  context.setLineDash([]);
}

function drawRange(context, { low, high, scale, left, height }) {
  const said = (value) => brief(scale === "log" ? 10 ** value : value);
  text(context, said(high), left - 6, 14, { colour: "--soft", align: "right" });
  text(context, said(low), left - 6, height - 4, { colour: "--soft", align: "right" });
}

const STYLES = {
  first: { colour: "--ink", width: 1.4, dash: [] },
  faint: { colour: "--soft", width: 1, dash: [3, 3] },
  second: { colour: "--second", width: 1.4, dash: [] },
};

function drawLine(context, { run, values, style }, span, left, width, y) {
  const { colour, width: thick, dash } = STYLES[style];
  context.strokeStyle = token(colour);
  context.lineWidth = thick;
  context.setLineDash(dash);
  context.beginPath();
  let isDown = false;
  const lost = [];
  for (let i = 0; i < values.length; i++) {
    const x = positionOf(run, run.steps[i], span, left, width);
    const height = y(values[i]);
    if (Number.isFinite(height)) {
      if (isDown) context.lineTo(x, height);
      else context.moveTo(x - 1.5, height); // a number without neighbours is seen too
      if (!isDown) context.lineTo(x + 1.5, height);
    } else if (values[i] === Infinity || values[i] === -Infinity) lost.push(x);
    isDown = Number.isFinite(height);
  }
  context.stroke();
  context.setLineDash([]);
  context.lineWidth = 1;
  context.fillStyle = token("--infinite");
  for (const x of lost) context.fillRect(x - 1, 1, 2, 6);
}

/** The range of most values, so that one spike does not flatten the rest; of numbers of one sign, no other one. */
function robustRange(lines, map, floor) {
  const known = lines.flatMap(({ values }) => Array.from(values, map)).filter(Number.isFinite).sort((a, b) => a - b);
  if (!known.length) return [0, 1];
  const at = (share) => known[Math.round(share * (known.length - 1))];
  const low = at(QUANTILE), high = at(1 - QUANTILE);
  const pad = Math.max((high - low) * 0.08, Math.abs(high) * 1e-3, 1e-3);
  return [known[0] >= floor ? Math.max(floor, low - pad) : low - pad, high + pad];
}

/** Whether values are told apart better by their logarithms. */
function scaleFor(values) {
  const known = Array.from(values).filter(Number.isFinite).sort((a, b) => a - b);
  return known.length && known[0] > 0 && known[known.length - 1] / known[0] > 20 ? "log" : "linear";
}

/** The numbers of whole steps, a chart each, beneath the picture. */
function drawSeries(container, { runs, span, width }) {
  const names = [...new Set(runs.flatMap((run) => run.series.map((one) => one.name)))];
  const shown = names.filter((name) => runs.some((run) => valuesOf(run, name)?.some(Number.isFinite)));
  const charts = shown.map((name) => seriesChart(name, runs, span, width));
  const cross = make("div", "cross"), chosen = make("div", "cross chosen");
  cross.hidden = chosen.hidden = true;
  container.replaceChildren(...charts.map((one) => one.element), cross, chosen);
  return { charts, cross, chosen, runs, span, left: GUTTER, width: width - GUTTER - RIGHT };
}

function valuesOf(run, name) {
  return run.series.find((one) => one.name === name)?.values;
}

function seriesChart(name, runs, span, width) {
  const canvas = make("canvas");
  const value = make("span", "value");
  const label = make("div", "series-label", [make("b", "", name), value]);
  const element = make("div", "chart", [label, canvas]);
  const lines = runs.map((run, i) => ({ run, values: valuesOf(run, name), style: i ? "second" : "first" }))
    .filter((line) => line.values);
  const scale = scaleFor(lines.flatMap((line) => Array.from(line.values)));
  const rule = name === "update_ratio" && scale === "log" ? 1e-3 : null;
  drawChart(canvas, { lines, span, left: GUTTER, width: width - GUTTER - RIGHT, scale, rule });
  return { element, value, lines };
}

/** Moves the cross-hair of the charts to a step, and says their values there. */
function moveSeriesCross(series, step, isChosen) {
  const cross = isChosen ? series.chosen : series.cross;
  cross.hidden = step === null || !series.runs.length;
  if (!cross.hidden) {
    const x = positionOf(series.runs[0], step, series.span, series.left, series.width);
    cross.hidden = x < series.left || x > series.left + series.width;
    cross.style.transform = `translateX(${x}px)`;
  }
  for (const { value, lines } of series.charts) {
    value.textContent = step === null ? "" : lines.map(({ run, values }) => said(values[stepAt(run, step)])).join(" | ");
  }
}

function said(value) {
  return Number.isNaN(value) ? "–" : brief(value);
}
