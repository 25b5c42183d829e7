"""A run as the header and the blocks of the page's data."""

from typing import NamedTuple

import numpy as np

from gtlog.diagnosis.faults import FAULTS
from gtlog.looking.details import spread
from gtlog.looking.page_data import codes
from gtlog.looking.page_data.bins import bin_starts, worst_codes, worst_numbers
from gtlog.looking.page_data.container import Blocks, container
from gtlog.looking.page_data.details import histogram_header, picture_bytes
from gtlog.notices.text import printable

VERSION = 1
_MOST_NAME = 400  # characters of a name; the page cuts it further where it has less room
_MOST_NOTES = 20
_MOST_WANTED = 4  # steps at which findings begin, of which details are kept
# The update ratio is nearly the update over the value, and the largest gradient follows the mean
# one: little is left of them when these are subtracted.
_PREDICTED_BY = {
    "update_ratio": ("update_rms", "value_rms"),
    "gradient_max": ("gradient_rms",),
    "value_max": ("value_rms",),
}


class Limits(NamedTuple):
    """How much of a run the page gets.

    Attributes:
      steps: Most columns of the picture; more steps are put into bins.
      histograms: Most steps at which a variable has histograms.
      pictures: Most steps at which a variable has pictures.
      picture_bytes: Most bytes of all pictures of a run.
    """

    steps: int = 1000
    histograms: int = 24
    pictures: int = 5
    picture_bytes: int = 400_000


def encoded(runs, limits):
    """Runs as the bytes of a container.

    Args:
      runs: `ShownRun`s.
      limits: `Limits` of each of them.

    Returns:
      `bytes`.
    """
    blocks = Blocks()
    header = {
        "version": VERSION,
        "units": codes.UNITS,
        "codes": {"zero": codes.ZERO, "infinite": codes.INFINITE, "absent": codes.ABSENT},
        "runs": [_run(one, limits, blocks) for one in runs],
    }
    return container(header, blocks)


def encoded_details(path, details):
    """Histograms and pictures of one variable, for a page that asks for them one by one.

    Args:
      path: The path of the variable.
      details: `gtlog.looking.details.Details`.

    Returns:
      `bytes`, as from `encoded`; the header has `details` alone.
    """
    blocks = Blocks()
    header = _details_header({path: 0}, details, Limits().picture_bytes, blocks)
    return container({"version": VERSION, "details": header}, blocks)


def _run(run, limits, blocks):
    table = run.table
    starts = bin_starts(table.steps, limits.steps)
    return {
        "name": _text(run.name),
        "logged": len(table),
        "last": int(table.steps[-1]) if len(table) else None,
        "steps": table.steps[starts].tolist(),
        "variables": [_variable(row) for row in table.variables],
        "columns": _columns(table, starts, blocks),
        "series": _series(table, starts, blocks),
        "findings": [_finding(one, table) for one in run.findings],
        "notes": [printable(one, most=1000) for one in run.notes[:_MOST_NOTES]],
        "notes_left_out": max(len(run.notes) - _MOST_NOTES, 0),
        "details": _details(run, limits, blocks),
    }


def _text(name):
    return printable(printable(name), most=_MOST_NAME)


def _variable(row):
    return {
        "path": _text(row.path),
        "layer": _text(row.layer),
        "role": _text(row.role),
        "shape": list(row.shape),
        "dtype": _text(row.dtype),
        "trained": row.is_trained,
        **({} if row.recounted is None else {"recounted": _text(row.recounted)}),
    }


def _columns(table, starts, blocks):
    coded = {}
    for name, kind in codes.KINDS.items():
        if name in table.columns:
            numbers = worst_codes(codes.codes_of(table.column(name), kind), starts)
            if (numbers != codes.ABSENT).any():
                coded[name] = numbers
    headers = {}
    for name, numbers in coded.items():
        predictors = _PREDICTED_BY.get(name, ())
        if not all(one in coded for one in predictors):
            predictors = ()
        predicted = _prediction([coded[one] for one in predictors])
        headers[name] = {
            "kind": codes.KINDS[name],
            "predicted": list(predictors),
            "block": blocks.add(codes.packed(numbers, predicted)),
        }
    return headers


def _prediction(numbers):
    """The first of several arrays of codes, minus the others, modulo 65,536."""
    if not numbers:
        return None
    first, *others = [one.astype(np.uint16) for one in numbers]
    for one in others:
        first = first - one
    return first.astype(np.uint16)


def _series(table, starts, blocks):
    return [
        {
            "name": _text(name),
            "block": blocks.add(worst_numbers(numbers, starts).astype("<f8").tobytes()),
        }
        for name, numbers in table.step_values.items()
    ]


def _finding(finding, table):
    return {
        "fault": finding.fault,
        "severity": finding.severity,
        "layer": None if finding.layer is None else _text(finding.layer),
        "row": _row_of(finding, table),
        "step": int(finding.first_step),
        "title": FAULTS[finding.fault].title,
        "evidence": printable(finding.evidence),
        "advice": printable(finding.advice),
        "consequences": [_finding(one, table) for one in finding.consequences],
    }


def _row_of(finding, table):
    """The row that a finding is about: its variable, or the first one of its layer; else None."""
    for place, row in enumerate(table.variables):
        if finding.variable is not None and row.path == finding.variable:
            return place
    for place, row in enumerate(table.variables):
        if finding.layer is not None and row.layer == finding.layer:
            return place
    return None


def _details(run, limits, blocks):
    if run.details is None:
        return None
    wanted = [one.first_step for one in run.findings][:_MOST_WANTED]
    there = run.details.steps()
    steps = spread(there, limits.histograms, wanted) if limits.histograms else []
    with_pictures = spread(steps or there, limits.pictures, wanted[:1]) if limits.pictures else []
    details = run.details.at(steps, with_pictures=False)
    pictures = run.details.at(with_pictures, with_histograms=False).pictures
    details = details._replace(pictures=pictures)
    places = {row.path: place for place, row in enumerate(run.table.variables)}
    first = [_row_of(one, run.table) for one in run.findings]
    return _details_header(places, details, limits.picture_bytes, blocks, first)


def _details_header(places, details, most_bytes, blocks, first=()):
    histograms = []
    for (path, kind), by_step in details.histograms.items():
        header = histogram_header(by_step, blocks) if path in places else None
        if header is not None:
            histograms.append({"row": places[path], "kind": kind, **header})
    kept, left_out = _kept_pictures(places, details.pictures, most_bytes, first)
    pictures = [
        {"row": row, "step": step, "block": blocks.add(data)} for row, step, data in kept
    ]
    return {"histograms": histograms, "pictures": pictures, "pictures_left_out": left_out}


def _kept_pictures(places, pictures, most_bytes, first):
    """Pictures until the bytes are used up: the last step of all layers, then the first, ..."""
    queue = []
    for path, by_step in pictures.items():
        if path not in places:
            continue
        steps = sorted(by_step)
        order = [steps[-1], steps[0], *steps[1:-1]]
        for turn, step in enumerate(dict.fromkeys(order)):
            is_later = places[path] not in first
            queue.append((is_later, turn, places[path], step, by_step[step]))
    kept, used = [], 0
    for _, _, row, step, picture in sorted(queue, key=lambda one: one[:4]):
        data = picture_bytes(picture)
        if data is not None and used + len(data) <= most_bytes:
            used += len(data)
            kept.append((row, step, data))
    return kept, len(queue) - len(kept)
