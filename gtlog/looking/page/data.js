"use strict";
// From bytes to runs. docs/looking/data.md describes the format.

const ZERO = -32768, INFINITE = 32766, ABSENT = 32767;
const MAGIC = "GTL1";

/** Where the runs come from: the page itself, or the server that the page came from. */
function dataSource() {
  const element = document.getElementById("gtlog-data");
  return element ? embeddedSource(element) : servedSource();
}

function embeddedSource(element) {
  const loaded = gunzipped(bytesOfBase64(element.textContent)).then(parsed);
  return {
    isServed: false,
    async runs() {
      const { header } = await loaded;
      return header.runs.map((run, place) => ({
        name: run.name, key: String(place), alarms: run.findings.filter((one) => one.severity === "alarm").length }));
    },
    async run(key) {
      const { header, bytes } = await loaded;
      return decodedRun(header.runs[Number(key)], bytes);
    },
  };
}

function servedSource() {
  return {
    isServed: true,
    // A list of {name, mark, alarms}; the mark changes when there is something new.
    async runs() {
      const response = await fetch("runs");
      await check(response);
      const runs = await response.json();
      return runs.map((run) => ({ name: run.name, key: run.name, mark: run.mark, alarms: run.alarms }));
    },
    async run(key) {
      const { header, bytes } = await fetched(`data?run=${encodeURIComponent(key)}`);
      return decodedRun(header.runs[0], bytes);
    },
    async details(key, path) {
      const query = `run=${encodeURIComponent(key)}&variable=${encodeURIComponent(path)}`;
      const { header, bytes } = await fetched(`details?${query}`);
      return decodedDetails(header.details, bytes);
    },
  };
}

async function fetched(address) {
  const response = await fetch(address);
  await check(response);
  return parsed(await gunzipped(new Uint8Array(await response.arrayBuffer())));
}

async function check(response) {
  if (!response.ok) {
    throw new Error(`${response.status} ${response.statusText}: ${(await response.text()).slice(0, 500)}`);
  }
}

function bytesOfBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

async function gunzipped(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes; // the browser has undone it
  if (typeof DecompressionStream === "undefined") {
    throw new Error("This browser cannot read compressed data; browsers since 2023 can.");
  }
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  try {
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (error) {
    throw new Error(`its data is damaged or cut off (${error.message}).`);
  }
}

function parsed(bytes) {
  const text = new TextDecoder();
  if (text.decode(bytes.subarray(0, 4)) !== MAGIC) throw new Error("its data is damaged.");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(4, true);
  const header = JSON.parse(text.decode(bytes.subarray(8, 8 + length)));
  if (header.version !== 1) {
    throw new Error(`The data is of version ${header.version}, the page of version 1. Reload it.`);
  }
  return { header, bytes: bytes.subarray(8 + length) };
}

function block(bytes, [begin, length]) {
  return bytes.subarray(begin, begin + length);
}

/** The buffer of a block alone, in which its numbers begin where they may. */
function buffer(bytes, place) {
  return block(bytes, place).slice().buffer;
}

/** A run; its columns are unpacked when they are first asked for. */
function decodedRun(header, bytes) {
  const count = header.steps.length;
  const unpackedColumns = new Map();
  const run = {
    name: header.name,
    logged: header.logged,
    last: header.last,
    steps: Float64Array.from(header.steps),
    variables: header.variables.map((row, place) => ({ ...row, place })),
    statistics: Object.keys(header.columns),
    kindOf: (name) => header.columns[name].kind,
    column(name) {
      if (!(name in header.columns)) return null;
      if (!unpackedColumns.has(name)) {
        const { block: place, predicted } = header.columns[name];
        const guess = prediction(predicted.map((one) => run.column(one)));
        unpackedColumns.set(name, unpacked(block(bytes, place), run.variables.length, count, guess));
      }
      return unpackedColumns.get(name);
    },
    series: header.series.map((one) => ({
      name: one.name,
      values: new Float64Array(buffer(bytes, one.block)),
    })),
    findings: header.findings,
    notes: header.notes,
    notesLeftOut: header.notes_left_out,
    details: header.details && decodedDetails(header.details, bytes),
    scores: new Map(),
  };
  return run;
}

function prediction(columns) {
  if (!columns.length) return null;
  const [first, ...others] = columns;
  const guess = Int16Array.from(first);
  for (const other of others) {
    for (let i = 0; i < guess.length; i++) guess[i] -= other[i];
  }
  return guess;
}

/** Undoes `gtlog.looking.page_data.codes.packed`: int16 codes [variables, steps]. */
function unpacked(bytes, variables, steps, guess) {
  const size = variables * steps;
  const codes = new Int16Array(size);
  for (let row = 0, i = 0; row < variables; row++) {
    let sum = 0;
    for (let step = 0; step < steps; step++, i++) {
      const folded = bytes[i] | (bytes[size + i] << 8);
      sum += (folded >>> 1) ^ -(folded & 1);
      codes[i] = guess ? sum + guess[i] : sum;
    }
  }
  return codes;
}

function decodedDetails(header, bytes) {
  return {
    histograms: header.histograms.map((one) => ({
      row: one.row,
      kind: one.kind,
      steps: Float64Array.from(one.steps),
      edges: new Float32Array(buffer(bytes, one.edges)),
      counts: block(bytes, one.counts),
      bands: new Float32Array(buffer(bytes, one.bands)),
    })),
    pictures: header.pictures.map((one) => ({
      row: one.row,
      step: one.step,
      blob: new Blob([block(bytes, one.block)], { type: "image/png" }),
    })),
    picturesLeftOut: header.pictures_left_out,
  };
}

/** For each variable of a run its place in another, or -1, as `gtlog.vitals.alignment.counterparts`. */
function counterparts(run, other) {
  const byRecounted = placesByName(run, other, "recounted"), byPath = placesByName(run, other, "path");
  const found = new Array(run.variables.length).fill(-1);
  for (const [pairs, rivals] of [[byRecounted, byPath], [byPath, byRecounted]]) {
    const ofOthers = new Map(Array.from(rivals, ([one, place]) => [place, one]));
    for (const [one, place] of pairs) {
      const contested = [[one, rivals.get(one) ?? place], [ofOthers.get(place) ?? one, place]]
        .filter(([a, b]) => a !== one || b !== place);
      const alike = (a, b) => areAlike(run.variables[a], other.variables[b]);
      if (contested.length && (contested.some(([a, b]) => alike(a, b)) || !alike(one, place))) continue;
      if (found[one] < 0) found[one] = place;
    }
  }
  return found;
}

function placesByName(run, other, name) {
  const places = new Map(other.variables.filter((row) => row[name] != null).map((row) => [row[name], row.place]));
  const pairs = run.variables.map((row) => [row.place, row[name] == null ? undefined : places.get(row[name])]);
  return new Map(pairs.filter(([, place]) => place !== undefined));
}

function areAlike(one, other) {
  return one.role === other.role && String(one.shape) === String(other.shape);
}
