"""Runs made of numbers, and the page's data read back by a decoder that knows the format alone."""

import base64
import gzip
import json
import re
import struct

import numpy as np

from gtlog.vitals.table import VariableRow, VitalsTable

UNITS = {"log": 100, "share": 1000, "cosine": 100}


def rows_of(layers, name="model/block_{}/conv"):
    """A kernel and a bias of each layer."""
    rows = []
    for layer in range(layers):
        path = name.format(layer)
        rows.append(VariableRow(f"{path}/kernel", path, "kernel", (3, 3, 8, 8), "float32", True, 0))
        rows.append(VariableRow(f"{path}/bias", path, "bias", (8,), "float32", True, 0))
    return [row._replace(order=place) for place, row in enumerate(rows)]


def table_of(layers=4, steps=50, every=1, seed=0, vanishes=None, name="model/block_{}/conv"):
    """A table as of a real run: noise, a common drift; a layer may lose its gradient.

    Args:
      layers: Number of layers.
      steps: Number of logged steps.
      every: Their distance.
      seed: Of the noise.
      vanishes: Pair of a layer and the place of the step at which its gradient vanishes.
      name: Format of the layers' paths.
    """
    random = np.random.RandomState(seed)
    rows = rows_of(layers, name)
    shape = len(rows), steps
    gradient = random.uniform(-3.1, -2.9, (len(rows), 1)) + np.cumsum(random.randn(steps) * 0.02)
    gradient = gradient + random.randn(*shape) * 0.12
    value = -1.5 + np.cumsum(np.abs(random.randn(*shape)) * 5e-4, 1)
    if vanishes:
        layer, place = vanishes
        gradient[2 * layer : 2 * layer + 2, place:] -= 5
    update = gradient - 2 + random.randn(*shape) * 0.05
    columns = {
        "value_rms": 10**value,
        "value_max": 3 * 10**value * (1 + 0.01 * random.randn(*shape)),
        "gradient_rms": 10**gradient,
        "gradient_max": 10 ** (gradient + 0.6 + 0.06 * random.randn(*shape)),
        "update_rms": 10**update,
        "update_ratio": 10 ** (update - value),
        "value_zeros": np.zeros(shape),
        "gradient_zeros": np.clip(random.randn(*shape) * 0.01, 0, 1),
        "value_nonfinite": np.zeros(shape),
        "gradient_nonfinite": np.zeros(shape),
        "dead_units": np.clip(random.randn(*shape) * 0.02, 0, 1),
        "descent": np.clip(0.8 + random.randn(*shape) * 0.05, -1, 1),
    }
    numbers = np.arange(steps) * every
    loss = 2 * np.exp(-np.arange(steps) / (steps / 3)) + random.rand(steps) * 0.1
    return VitalsTable(numbers, rows, columns, {"loss": loss, "weight_norm": loss + 1})


def decoded(data):
    """Header and blocks of the page's data."""
    content = gzip.decompress(data)
    assert content[:4] == b"GTL1"
    (length,) = struct.unpack("<I", content[4:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def codes(run, blocks, name):
    """The codes of a column, by the format as it is documented."""
    column = run["columns"][name]
    begin, length = column["block"]
    planes = np.frombuffer(blocks[begin : begin + length], np.uint8).reshape(2, -1).astype(int)
    folded = planes[0] + 256 * planes[1]
    differences = np.where(folded % 2 == 0, folded // 2, -(folded + 1) // 2)
    found = np.cumsum(differences.reshape(len(run["variables"]), len(run["steps"])), axis=1)
    for turn, other in enumerate(column["predicted"]):
        found = found + (1 if turn == 0 else -1) * codes(run, blocks, other)
    return (found + 32768) % 65536 - 32768


def numbers(run, blocks, name):
    """The numbers of a column; a magnitude as its logarithm."""
    coded = codes(run, blocks, name)
    found = coded / UNITS[run["columns"][name]["kind"]]
    found[coded == 32767] = np.nan
    found[coded == 32766] = np.inf
    found[coded == -32768] = -np.inf if run["columns"][name]["kind"] == "log" else np.nan
    return found


def embedded(page):
    """The data inside of a page."""
    text = re.search(r'id="gtlog-data">([^<]*)</script>', page).group(1)
    return base64.b64decode(text)
