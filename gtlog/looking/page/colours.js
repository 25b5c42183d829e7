"use strict";
// Scales of colours, from the custom properties of the style sheet, and their legend in words.

const SPANS = { // of the kinds of codes: where a scale ends, and what counts as nothing
  log: { clip: 300, dead: 30, unit: 100 },
  share: { clip: 1000, dead: 50, unit: 1000 },
  cosine: { clip: 100, dead: 20, unit: 100 },
};
const LEVELS = 256;

const tokens = new Map(); // of the theme that is in force

function token(name) {
  if (!tokens.has(name)) {
    tokens.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  }
  return tokens.get(name);
}

function rgbOf(text) {
  const number = parseInt(text.slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

function packedColour([red, green, blue]) {
  return (255 << 24) | (blue << 16) | (green << 8) | red; // as ImageData has it, little endian
}

function mixed(stops, share) {
  const place = Math.min(share, 0.99999) * (stops.length - 1);
  const low = Math.floor(place), part = place - low;
  return stops[low].map((value, i) => Math.round(value + part * (stops[low + 1][i] - value)));
}

function ramp(names) {
  const stops = names.map((name) => rgbOf(token(name)));
  return Int32Array.from({ length: LEVELS }, (_, i) => packedColour(mixed(stops, i / (LEVELS - 1))));
}

/** The colours of the theme that is in force. */
function palette() {
  tokens.clear();
  return {
    below: ramp(["--page", "--less-1", "--less-2", "--less-3"]),
    above: ramp(["--page", "--more-1", "--more-2", "--more-3"]),
    level: ramp(["--level-0", "--level-1", "--level-2", "--level-3"]),
    zero: packedColour(rgbOf(token("--zero"))),
    infinite: packedColour(rgbOf(token("--infinite"))),
    absent: packedColour(rgbOf(token("--absent"))),
    page: packedColour(rgbOf(token("--page"))),
  };
}

/** A function from a score to a packed colour. */
function divergingScale(colours, kind) {
  const { clip, dead } = SPANS[kind];
  return (score) => {
    if (score === ZERO) return colours.zero;
    if (score >= INFINITE) return score === ABSENT ? colours.absent : colours.infinite;
    const size = Math.abs(score);
    if (size < dead) return colours.page;
    const level = Math.min(LEVELS - 1, Math.floor((size * LEVELS) / clip));
    return score < 0 ? colours.below[level] : colours.above[level];
  };
}

function sequentialScale(colours, [low, high]) {
  const span = Math.max(high - low, 1);
  return (score) => {
    if (score === ZERO) return colours.zero;
    if (score >= INFINITE) return score === ABSENT ? colours.absent : colours.infinite;
    const level = Math.floor(((score - low) / span) * LEVELS);
    return colours.level[Math.max(0, Math.min(LEVELS - 1, level))];
  };
}

const FORMAT = new Intl.NumberFormat("en");

/** A whole number with commas. */
function commas(number) {
  return FORMAT.format(number);
}

/** The range of most codes, for a sequential scale. */
function rangeOf(codes, kind) {
  if (kind === "share") return [0, SPANS.share.unit];
  if (kind === "cosine") return [-100, 100];
  const known = codes.filter((one) => !isSpecial(one)).sort();
  if (!known.length) return [0, 100];
  const at = (share) => known[Math.round(share * (known.length - 1))];
  const low = at(0.005), high = at(0.995);
  return high - low >= 100 ? [low, high] : [low - 50, high + 50];
}

const WHAT_IS_COMPARED = {
  change: "against the layer's own past, beside the other layers",
  level: "against the other layers of its role, at the same step",
  absolute: "as it is",
  difference: "the second run against the first",
};

const ENDS = {
  log: ["1,000 × smaller", "10 × smaller", "alike", "10 × larger", "1,000 × larger"],
  share: ["100 points less", "33 less", "alike", "33 more", "100 points more"],
  cosine: ["1 less", "⅓ less", "alike", "⅓ more", "1 more"],
};

function endsOf(mode, kind, range) {
  if (mode !== "absolute") return ENDS[kind];
  const at = (share) => inWords(range[0] + share * (range[1] - range[0]), kind);
  return [0, 0.25, 0.5, 0.75, 1].map(at);
}

function drawLegend(container, { statistic, mode, kind, range, extra }) {
  const bar = make("span", "bar");
  bar.classList.add(mode === "absolute" ? "sequential" : "diverging");
  const scale = make("span", "scale");
  scale.append(bar, make("span", "ends", endsOf(mode, kind, range).map((text) => make("span", "", text))));
  const title = make("span", "title", [make("b", "", statistic), ` ${WHAT_IS_COMPARED[mode]}`]);
  const specials = [["zero", "exactly zero"], ["infinite", "NaN or infinite"], ["absent", "not known"]];
  const swatches = specials.filter(([name]) => kind === "log" || name !== "zero").map(([name, text]) =>
    make("span", "special", [make("i", name), text]));
  container.replaceChildren(title, scale, make("span", "specials", swatches), make("span", "extra", extra));
}

/** A code as its number. */
function numberOf(code, kind) {
  return kind === "log" ? 10 ** (code / SPANS.log.unit) : code / SPANS[kind].unit;
}

function inWords(code, kind) {
  if (code === ZERO) return "exactly zero";
  if (code === INFINITE) return "NaN or infinite";
  if (code === ABSENT) return "not known";
  const number = numberOf(code, kind);
  if (kind === "share") return `${+(100 * number).toFixed(1)} %`;
  if (kind === "cosine") return number.toFixed(2);
  return brief(number);
}

/** A number with as many digits as a code has. */
function brief(number) {
  if (number === 0) return "0";
  if (!Number.isFinite(number)) return String(number);
  const size = Math.abs(number);
  if (size >= 1e5 || size < 1e-3) return number.toExponential(1).replace("e+", "e");
  return String(+number.toPrecision(3));
}

/** A score in words: how much larger or smaller. */
function scoreInWords(score, mode, kind) {
  if (isSpecial(score)) return "";
  const { dead, unit } = SPANS[kind];
  const than = { change: "its own past", level: "its peers", difference: "the first run" }[mode];
  if (Math.abs(score) < dead) return `like ${than}`;
  if (kind !== "log") {
    const points = kind === "share" ? `${Math.round(Math.abs(score) / 10)} points` : Math.abs(score / unit).toFixed(2);
    return `${points} ${score < 0 ? "less" : "more"} than ${than}`;
  }
  const factor = 10 ** (Math.abs(score) / unit);
  const times = factor >= 1e6 ? factor.toExponential(0).replace("e+", "e") : factor < 10 ? factor.toFixed(1)
    : commas(+factor.toPrecision(2));
  return `${times} × ${score < 0 ? "smaller" : "larger"} than ${than}`;
}

const MOST_SHOWN = 120; // characters of a name; the data has more of it

/** A name without its middle, where it is long. */
function cut(name) {
  return name.length <= MOST_SHOWN ? name : `${name.slice(0, MOST_SHOWN / 4)}…${name.slice(-MOST_SHOWN * 0.75)}`;
}

/** An element; its content is text or elements, never markup. */
function make(name, className = "", content = []) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...(Array.isArray(content) ? content : [content]));
  return element;
}
