"use strict";
// The picture of all layers against all steps.

const GUTTER = 220, RIGHT = 14, AXIS = 24, TITLE = 20, BETWEEN = 14;
const TALLEST_ROW = 16, READABLE_ROW = 14, LEAST_LABEL = 11;
const DRAG = 5; // pixels after which a press is a drag

/** The picture and what moves over it. `picked(row, step)`, `hovered(row, step)`, `zoomed(from, to)`. */
function makeMap(container, { picked, hovered, zoomed }) {
  const map = {
    container, picked, hovered, zoomed, panels: [], rows: [], bands: 0, perBand: 1, rowHeight: 1, top: 0,
    canvas: make("canvas"), inner: make("div", "inner"), band: make("div", "band"),
    chosen: make("div", "band chosen"), label: make("div", "row-label"), brush: make("div", "brush"),
    crosses: [],
  };
  map.band.hidden = map.chosen.hidden = map.label.hidden = map.brush.hidden = true;
  map.inner.append(map.canvas, map.band, map.chosen, map.label, map.brush);
  container.replaceChildren(map.inner);
  container.addEventListener("scroll", () => paintMap(map));
  listen(map);
  return map;
}

/** Lays the picture out anew: panels of runs and scores, the rows in their order. */
function layOutMap(map, { panels, rows, span, width, findings, variables, chosen }) {
  Object.assign(map, { rows, span, findings, variables, width });
  map.top = panels.length > 1 ? TITLE : 4;
  const room = roomForRows();
  map.perBand = view.rows === "fit" ? Math.max(1, Math.ceil(rows.length / room)) : 1;
  map.bands = Math.ceil(rows.length / map.perBand);
  map.rowHeight = view.rows === "fit"
    ? Math.max(1, Math.min(TALLEST_ROW, Math.floor(room / Math.max(map.bands, 1)))) : READABLE_ROW;
  const height = map.bands * map.rowHeight;
  map.shown = Math.min(height, Math.max(room, map.rowHeight));
  const plot = (width - GUTTER - RIGHT - BETWEEN * (panels.length - 1)) / panels.length;
  map.panels = panels.map((panel, i) => ({
    ...panel, left: GUTTER + i * (plot + BETWEEN), width: Math.max(plot, 20) }));
  for (const panel of map.panels) panel.image = imageOf(map, panel);
  map.inner.style.height = `${map.top + height + AXIS}px`;
  map.container.style.height = `${map.top + map.shown + AXIS}px`;
  placeCrosses(map);
  chooseRow(map, chosen);
  paintMap(map);
}

function roomForRows() {
  return Math.max(280, Math.min(760, Math.round(window.innerHeight * 0.62)));
}

/** The cells of a panel as a picture of one pixel a band and device pixel. */
function imageOf(map, panel) {
  const width = Math.max(1, Math.round(panel.width * devicePixelRatio));
  const rows = panel.places ? map.rows.map((row) => panel.places[row]) : map.rows;
  const edges = edgesOf(panel.run, map.span, width);
  const cells = binned(panel.scores, panel.run.steps.length, rows, edges, width, panel.mode);
  const bands = map.perBand > 1 ? worstOfBands(cells, rows.length, map.perBand, width) : cells;
  const image = new OffscreenCanvas(width, Math.max(map.bands, 1));
  const context = image.getContext("2d");
  const data = new ImageData(width, Math.max(map.bands, 1));
  const pixels = new Int32Array(data.data.buffer);
  for (let i = 0; i < bands.length; i++) pixels[i] = panel.colour(bands[i]);
  context.putImageData(data, 0, 0);
  return image;
}

/** The pixels at which the steps begin; each reaches to the next. */
function edgesOf(run, [from, to], width) {
  const edges = new Int32Array(run.steps.length + 1);
  const at = (step) => Math.round(((step - from) / (to - from)) * width);
  run.steps.forEach((step, i) => (edges[i] = at(step)));
  edges[run.steps.length] = at(run.last + gapAtEnd(run));
  return edges;
}

function worstOfBands(cells, rows, perBand, width) {
  const bands = Math.ceil(rows / perBand);
  const worst = new Int16Array(bands * width).fill(ABSENT);
  for (let row = 0; row < rows; row++) {
    const out = Math.floor(row / perBand) * width;
    for (let x = 0; x < width; x++) {
      const score = cells[row * width + x];
      if (badness(score, 0) > badness(worst[out + x], 0)) worst[out + x] = score;
    }
  }
  return worst;
}

function paintMap(map) {
  const { canvas, panels } = map;
  const height = map.top + map.shown + AXIS;
  const context = sized(canvas, map.width, height);
  const scrolled = map.container.scrollTop;
  context.imageSmoothingEnabled = false;
  for (const panel of panels) {
    paintPanel(context, map, panel, scrolled);
    drawAxis(context, map.span, panel.left, panel.width, map.top + map.shown);
  }
  drawLabels(context, map, scrolled);
  for (const panel of panels.slice(0, 1)) drawOnsets(context, map, panel, scrolled);
}

/** Fits a canvas to a size in CSS pixels and clears it. */
function sized(canvas, width, height) {
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  return context;
}

function paintPanel(context, map, panel, scrolled) {
  const bands = map.shown / map.rowHeight;
  if (!map.bands) return;
  context.drawImage(panel.image, 0, scrolled / map.rowHeight, panel.image.width, bands,
    panel.left, map.top, panel.width, map.shown);
  if (map.rowHeight >= 6) drawGroups(context, map, panel, scrolled);
  context.strokeStyle = token("--line");
  context.strokeRect(panel.left - 0.5, map.top - 0.5, panel.width + 1, map.shown + 1);
  if (panel.title) text(context, panel.title, panel.left, 13, { colour: "--ink", most: panel.width });
}

/** Thin lines between layers. */
function drawGroups(context, map, panel, scrolled) {
  context.fillStyle = token("--line");
  eachShown(map, scrolled, (place, y) => {
    if (place && layerAt(map, place) !== layerAt(map, place - 1)) context.fillRect(panel.left, y, panel.width, 1);
  });
}

function layerAt(map, place) {
  return map.variables[map.rows[place]].layer;
}

function eachShown(map, scrolled, visit) {
  const first = Math.floor(scrolled / map.rowHeight);
  const end = Math.min(map.bands, Math.ceil((scrolled + map.shown) / map.rowHeight));
  for (let band = first; band < end; band++) visit(band * map.perBand, map.top + band * map.rowHeight - scrolled);
}

function drawLabels(context, map, scrolled) {
  let free = -1;
  const prefix = commonPrefix(map.variables);
  eachShown(map, scrolled, (place, y) => {
    if (y < free || y < map.top - 1) return;
    const { path } = map.variables[map.rows[place]];
    const middle = y + Math.min(map.rowHeight, LEAST_LABEL) / 2;
    text(context, path.slice(prefix.length), GUTTER - 8, middle + 4,
      { colour: "--soft", align: "right", most: GUTTER - 14, font: "mono" });
    free = y + Math.max(map.rowHeight, LEAST_LABEL + 1);
  });
  if (prefix) {
    text(context, `all in ${prefix}`, GUTTER - 8, map.top + map.shown + 16,
      { colour: "--soft", align: "right", most: GUTTER - 14 });
  }
}

/** What all paths begin with, up to a slash: it says nothing in a label. */
function commonPrefix(variables) {
  if (variables.length < 2) return "";
  const [first, ...others] = variables.map((one) => one.path);
  let length = first.lastIndexOf("/") + 1;
  for (const path of others) {
    while (length && !path.startsWith(first.slice(0, length))) length = first.lastIndexOf("/", length - 2) + 1;
  }
  return first.slice(0, length);
}

function text(context, words, x, y, { colour = "--ink", align = "left", most = Infinity, font = "sans" } = {}) {
  context.font = font === "mono" ? "11px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
    : "12px system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";
  context.fillStyle = token(colour);
  context.textAlign = align;
  context.direction = "ltr";
  context.fillText(shortened(context, words, most, align === "right"), x, y);
}

/** A text that is too long, without its beginning or its end. */
function shortened(context, words, most, keepsEnd) {
  if (words.length > 300) words = keepsEnd ? words.slice(-300) : words.slice(0, 300);
  if (context.measureText(words).width <= most) return words;
  let low = 0, high = words.length;
  const cut = (length) => (keepsEnd ? `…${words.slice(words.length - length)}` : `${words.slice(0, length)}…`);
  while (low < high) {
    const half = (low + high + 1) >> 1;
    if (context.measureText(cut(half)).width <= most) low = half;
    else high = half - 1;
  }
  return cut(low);
}

function drawAxis(context, [from, to], left, width, y) {
  for (const tick of ticks(from, to, Math.max(2, Math.floor(width / 90)))) {
    const x = left + ((tick - from) / (to - from)) * width;
    context.fillStyle = token("--line");
    context.fillRect(x, y, 1, 4);
    const align = x < left + 20 ? "left" : x > left + width - 24 ? "right" : "center";
    text(context, commas(tick), x, y + 16, { colour: "--soft", align });
  }
}

/** Round numbers between two others. */
function ticks(from, to, most) {
  const rough = (to - from) / most;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const size = Math.max(1, [1, 2, 5, 10].map((one) => one * unit).find((one) => one >= rough));
  const found = [];
  for (let tick = Math.ceil(from / size) * size; tick <= to; tick += size) found.push(tick);
  return found;
}

/** Where findings begin: a mark at row and step; of the whole network, at the upper edge. */
function drawOnsets(context, map, panel, scrolled) {
  for (const finding of map.findings) {
    const [from, to] = map.span;
    if (finding.step < from || finding.step > to) continue;
    const x = panel.left + ((finding.step - from) / (to - from)) * panel.width;
    const place = finding.row === null ? -1 : map.rows.indexOf(finding.row);
    if (finding.row !== null && place < 0) continue;
    const band = Math.floor(place / map.perBand);
    const y = finding.row === null ? map.top : map.top + band * map.rowHeight - scrolled;
    if (y < map.top - 1 || y > map.top + map.shown) continue;
    drawOnset(context, x, y, finding.row === null ? 0 : map.rowHeight);
  }
}

function drawOnset(context, x, y, height) {
  context.beginPath();
  context.moveTo(x - 6, y - 7);
  context.lineTo(x + 6, y - 7);
  context.lineTo(x, y + 1);
  context.closePath();
  context.fillStyle = token("--mark");
  context.strokeStyle = token("--page");
  context.lineWidth = 1.5;
  context.stroke();
  context.fill();
  context.fillRect(x - 1, y, 2, height);
  context.lineWidth = 1;
}

// What moves

function placeCrosses(map) {
  for (const cross of map.crosses) cross.remove();
  map.crosses = map.panels.flatMap(() => [make("div", "cross"), make("div", "cross chosen")]);
  for (const cross of map.crosses) cross.hidden = true;
  map.inner.append(...map.crosses);
}

/** Moves the cross-hair to a step, or the mark of the chosen one; null takes it away. */
function moveCross(map, step, isChosen) {
  map.panels.forEach((panel, i) => {
    const cross = map.crosses[2 * i + (isChosen ? 1 : 0)];
    const x = step === null ? -1 : positionOf(panel.run, step, map.span, panel.left, panel.width);
    cross.hidden = x < panel.left || x > panel.left + panel.width;
    cross.style.transform = `translateX(${x}px)`;
    cross.style.top = `${map.top}px`;
    cross.style.height = `${map.bands * map.rowHeight}px`;
  });
}

/** The middle of the cell of a step. */
function positionOf(run, step, [from, to], left, width) {
  const place = stepAt(run, step);
  const begin = run.steps[place];
  const end = place + 1 < run.steps.length ? run.steps[place + 1] : run.last + gapAtEnd(run);
  return left + (((begin + end) / 2 - from) / (to - from)) * width;
}

function chooseRow(map, row) {
  placeBand(map, map.chosen, map.rows.indexOf(row));
}

function placeBand(map, band, place) {
  band.hidden = place < 0;
  if (place < 0) return;
  const y = map.top + Math.floor(place / map.perBand) * map.rowHeight;
  band.style.transform = `translateY(${y}px)`;
  band.style.height = `${Math.max(map.rowHeight, 2)}px`;
}

/** Shows the place of the pointer, or of the keyboard. */
function hoverMap(map, place, step) {
  placeBand(map, map.band, place);
  moveCross(map, step, false);
  map.label.hidden = place < 0 || map.rowHeight >= LEAST_LABEL;
  if (!map.label.hidden) {
    map.label.textContent = map.variables[map.rows[place]].path.slice(-200);
    map.label.style.transform = `translateY(${map.top + Math.floor(place / map.perBand) * map.rowHeight - 8}px)`;
  }
}

/** Scrolls until a row can be seen. */
function reveal(map, row) {
  const place = map.rows.indexOf(row);
  if (place < 0 || map.bands * map.rowHeight <= map.shown) return;
  const y = Math.floor(place / map.perBand) * map.rowHeight;
  const { scrollTop } = map.container;
  if (y < scrollTop || y + map.rowHeight > scrollTop + map.shown) {
    map.container.scrollTop = y - map.shown / 2;
  }
}

function listen(map) {
  let press = null;
  map.container.addEventListener("pointermove", (event) => {
    const spot = spotOf(map, event);
    if (press && Math.abs(event.clientX - press.x) > DRAG && spot.panel === press.panel) drag(map, press, spot);
    map.hovered(spot, event);
  });
  map.container.addEventListener("pointerleave", () => map.hovered(null));
  map.container.addEventListener("pointerdown", (event) => {
    const spot = spotOf(map, event);
    if (event.button === 0) press = { ...spot, x: event.clientX, isDrag: false };
  });
  map.container.addEventListener("pointerup", (event) => {
    const spot = spotOf(map, event);
    map.brush.hidden = true;
    if (press?.isDrag && spot.panel === press.panel) {
      const [from, to] = [press.number, spot.number].sort((a, b) => a - b);
      map.zoomed(from, to);
    } else if (press && spot.place >= 0) map.picked(spot);
    press = null;
  });
}

function drag(map, press, spot) {
  press.isDrag = true;
  const [low, high] = [press.at, spot.at].sort((a, b) => a - b);
  map.brush.hidden = false;
  map.brush.style.transform = `translateX(${low}px)`;
  map.brush.style.width = `${high - low}px`;
  map.brush.style.top = `${map.top}px`;
  map.brush.style.height = `${map.bands * map.rowHeight}px`;
}

/** What is beneath the pointer: the panel, the place among the rows, the step. */
function spotOf(map, event) {
  const box = map.inner.getBoundingClientRect();
  const x = event.clientX - box.left, y = event.clientY - box.top - map.top;
  const panel = map.panels.find((one) => x <= one.left + one.width + BETWEEN / 2) || map.panels[map.panels.length - 1];
  const band = Math.floor(y / map.rowHeight);
  const isInside = y >= 0 && band < map.bands && event.clientY <= map.container.getBoundingClientRect().bottom - AXIS;
  const place = isInside ? Math.min(band * map.perBand, map.rows.length - 1) : -1;
  if (!panel) return { place: -1, panel: null, step: null };
  const share = Math.max(0, Math.min(1, (x - panel.left) / panel.width));
  const number = map.span[0] + share * (map.span[1] - map.span[0]);
  const step = x < panel.left ? null : panel.run.steps[stepAt(panel.run, number)];
  return { panel, place, row: place < 0 ? -1 : map.rows[place], number, step, at: panel.left + share * panel.width };
}
