"use strict";
// From codes to what is coloured: change, level and absolute, and the worst cell of a bin.

const MODES = ["change", "level", "absolute"];
const ALWAYS_ZERO = 300; // how bad an exact zero makes a row: three decades
const LEAST_PEERS = 3;
const OUTER = 0.2; // the share of layers on each side that does not tell the common drift
const EARLY = 0.1; // share of a row's numbers that is its past
const LEAST_EARLY = 5;
// Which counts of NaN and infinity belong to a statistic: their own numbers are of finite elements.
const NONFINITE_OF = { value: ["value_nonfinite"], gradient: ["gradient_nonfinite"],
  update: ["value_nonfinite"], descent: ["gradient_nonfinite"], dead: ["gradient_nonfinite"] };

function isSpecial(code) {
  return code === ZERO || code >= INFINITE;
}

/** Codes of a statistic in which rows with NaN or infinite elements show it. */
function codesWithNonfinite(run, statistic) {
  const key = `codes ${statistic}`;
  if (!run.scores.has(key)) {
    const codes = Int16Array.from(run.column(statistic));
    for (const name of NONFINITE_OF[statistic.split("_")[0]] || []) {
      const counts = name === statistic ? null : run.column(name);
      if (!counts) continue;
      for (let i = 0; i < codes.length; i++) {
        if (counts[i] !== ZERO && counts[i] !== ABSENT) codes[i] = INFINITE;
      }
    }
    run.scores.set(key, codes);
  }
  return run.scores.get(key);
}

/** Scores [variables, steps] in hundredths of a decade, or of the unit of a share. */
function scoresOf(run, statistic, mode) {
  const key = `${mode} ${statistic}`;
  if (!run.scores.has(key)) {
    const codes = codesWithNonfinite(run, statistic);
    run.scores.set(key, mode === "absolute" ? codes : centred(run, codes, statistic, mode));
  }
  return run.scores.get(key);
}

function centred(run, codes, statistic, mode) {
  const steps = run.steps.length;
  const isShare = run.kindOf(statistic) !== "log";
  const scores = Int16Array.from(codes);
  if (mode === "change") subtractPast(scores, run.variables.length, steps);
  // Shares of zeros or dead units have no common drift: they are compared with their own past.
  if (isShare && mode === "change") return scores;
  const own = Int16Array.from(scores); // as it was, while some roles are done and others are not
  for (const rows of rowsByRole(run.variables)) subtractCommon(scores, own, rows, steps, mode === "change");
  return scores;
}

function rowsByRole(variables) {
  const byRole = new Map();
  for (const { role, place } of variables) {
    if (!byRole.has(role)) byRole.set(role, []);
    byRole.get(role).push(place);
  }
  const all = variables.map((one) => one.place);
  // Of too few peers each would be its own measure: then all rows are the peers.
  return [...byRole.values()].map((rows) => ({
    rows, peers: rows.length >= LEAST_PEERS ? rows : all }));
}

/**
 * Subtracts from the rows of a role what they have in common at each step. For the level that is
 * their median. For the change it is `drift`: a median would follow the layers that a fault takes
 * along, where they are more than half, and show the healthy ones as changed.
 */
function subtractCommon(scores, codes, { rows, peers }, steps, isChange) {
  if (peers.length < LEAST_PEERS) return;
  const known = new Int16Array(peers.length), moves = new Int32Array(peers.length);
  const before = new Int16Array(peers.length).fill(ABSENT);
  let middle = 0;
  for (let step = 0; step < steps; step++) {
    let count = 0, pairs = 0;
    for (let k = 0; k < peers.length; k++) {
      const code = codes[peers[k] * steps + step];
      if (!isSpecial(code)) {
        known[count++] = code;
        if (!isSpecial(before[k])) moves[pairs++] = code - before[k];
      }
      before[k] = code;
    }
    if (!count) continue;
    middle = isChange ? drift(middle, moves.subarray(0, pairs), known.subarray(0, count))
      : median(known.subarray(0, count));
    for (const row of rows) {
      const i = row * steps + step;
      if (!isSpecial(codes[i])) scores[i] = bounded(codes[i] - middle);
    }
  }
}

/** What the layers had in common at the step before, moved as most of them have moved. */
function drift(before, moves, numbers) {
  return within(numbers, before + (moves.length ? within(moves, 0) : 0));
}

/** A number, changed no further than until a fifth of others lies on each side of it. */
function within(others, number) {
  const last = others.length - 1;
  const low = selected(others, Math.floor(last * OUTER));
  if (low >= number) return low;
  return Math.min(number, selected(others, Math.ceil(last * (1 - OUTER))));
}

function subtractPast(scores, rows, steps) {
  const past = new Int16Array(steps);
  for (let row = 0; row < rows; row++) {
    const begin = row * steps;
    let known = 0;
    for (let i = begin; i < begin + steps; i++) if (!isSpecial(scores[i])) past[known++] = scores[i];
    if (!known) continue;
    const early = Math.min(known, Math.max(LEAST_EARLY, Math.ceil(known * EARLY)));
    const middle = median(past.subarray(0, early));
    for (let i = begin; i < begin + steps; i++) {
      if (!isSpecial(scores[i])) scores[i] = bounded(scores[i] - middle);
    }
  }
}

/** The median; the numbers change their places. */
function median(numbers) {
  const half = numbers.length >> 1;
  const upper = selected(numbers, half);
  if (numbers.length % 2) return upper;
  let lower = numbers[0];
  for (let i = 1; i < half; i++) if (numbers[i] > lower) lower = numbers[i];
  return Math.round((lower + upper) / 2);
}

/** The number that would stand at a place if they were sorted; smaller ones stand before it then. */
function selected(numbers, place) {
  let low = 0, high = numbers.length - 1;
  while (low < high) {
    const pivot = numbers[(low + high) >> 1];
    let i = low, j = high;
    while (i <= j) {
      while (numbers[i] < pivot) i++;
      while (numbers[j] > pivot) j--;
      if (i <= j) {
        const number = numbers[i];
        numbers[i++] = numbers[j];
        numbers[j--] = number;
      }
    }
    if (place <= j) high = j;
    else if (place >= i) low = i;
    else break;
  }
  return numbers[place];
}

function bounded(score) {
  return Math.max(-32000, Math.min(32000, score));
}

/** How much a cell deserves to be the one that stands for its bin. */
function badness(score, middle) {
  if (score === ABSENT) return -1;
  if (score === INFINITE) return 80000;
  if (score === ZERO) return 70000;
  return Math.abs(score - middle);
}

/** What a cell is worse than: zero for changes, the middle of the row for absolute numbers. */
function middleOf(scores, begin, steps, mode) {
  if (mode !== "absolute") return 0;
  const known = scores.slice(begin, begin + steps).filter((one) => !isSpecial(one));
  return known.length ? median(known) : 0;
}

/**
 * The worst cell of each bin: [rows, width] scores. `edges[i]` and `edges[i + 1]` are the pixels
 * between which step i lies.
 */
function binned(scores, steps, rows, edges, width, mode) {
  const cells = new Int16Array(rows.length * width).fill(ABSENT);
  const worst = new Int32Array(width);
  rows.forEach((row, place) => {
    if (row === undefined || row < 0) return; // a row that this run does not have
    worst.fill(-1);
    const begin = row * steps, out = place * width;
    const middle = middleOf(scores, begin, steps, mode);
    for (let i = 0; i < steps; i++) {
      // A step is a pixel wide at least: steps of one pixel compete for it.
      const first = Math.max(0, edges[i]), end = Math.min(width, Math.max(edges[i + 1], edges[i] + 1));
      if (first >= end) continue;
      const score = scores[begin + i], bad = badness(score, middle);
      for (let x = first; x < end; x++) {
        if (bad > worst[x]) {
          worst[x] = bad;
          cells[out + x] = score;
        }
      }
    }
  });
  return cells;
}

/** How bad a row is over the steps that are shown: what 5 % of its cells exceed. */
function badnessOfRow(scores, row, steps, [first, end], mode) {
  const middle = middleOf(scores, row * steps, steps, mode);
  const all = new Int32Array(end - first);
  let known = 0;
  for (let i = first; i < end; i++) {
    const score = scores[row * steps + i];
    if (score !== ABSENT) all[known++] = score === ZERO ? ALWAYS_ZERO : badness(score, middle);
  }
  return known ? all.subarray(0, known).sort()[Math.ceil(known * 0.95) - 1] : -1;
}

/** Second run minus first run, at the steps of the first; rows as `counterparts` matches them. */
function difference(run, other, statistic) {
  const steps = run.steps.length;
  const scores = new Int16Array(run.variables.length * steps).fill(ABSENT);
  if (!other.statistics.includes(statistic)) return scores;
  const own = codesWithNonfinite(run, statistic), others = codesWithNonfinite(other, statistic);
  const places = counterparts(run, other);
  const counterpart = Array.from(run.steps, (step) => nearestStep(other, step));
  for (const { place } of run.variables) {
    const row = places[place];
    if (row < 0) continue;
    for (let i = 0; i < steps; i++) {
      if (counterpart[i] < 0) continue;
      const a = own[place * steps + i], b = others[row * other.steps.length + counterpart[i]];
      scores[place * steps + i] = isSpecial(a) || isSpecial(b) ? differenceOfSpecial(a, b) : bounded(b - a);
    }
  }
  return scores;
}

function differenceOfSpecial(a, b) {
  if (a === ABSENT || b === ABSENT) return ABSENT;
  if (a === b) return 0;
  return b === INFINITE || a === INFINITE ? INFINITE : ZERO;
}

/** The place of the step of a run that is nearest to a number; -1 beyond its steps. */
function nearestStep(run, step) {
  const steps = run.steps;
  if (!steps.length || step < steps[0] || step > run.last) return -1;
  let low = 0, high = steps.length - 1;
  while (low < high) {
    const half = (low + high + 1) >> 1;
    if (steps[half] <= step) low = half;
    else high = half - 1;
  }
  return low + 1 < steps.length && steps[low + 1] - step < step - steps[low] ? low + 1 : low;
}

/** The place of the step at or before a number; 0 before the first. */
function stepAt(run, number) {
  let low = 0, high = run.steps.length - 1;
  while (low < high) {
    const half = (low + high + 1) >> 1;
    if (run.steps[half] <= number) low = half;
    else high = half - 1;
  }
  return low;
}
