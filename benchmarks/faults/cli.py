"""The command line of the benchmark of the diagnosis."""

import argparse
import json
import sys
import tempfile

from tqdm import tqdm

from benchmarks.faults import report, scoring
from benchmarks.faults.campaign import faulty_runs, healthy_runs, short_runs
from benchmarks.faults.programs import SETS
from benchmarks.faults.traces import Traces


def main(argv=None):
    """Trains what is not there yet, judges all, and prints the tables.

    Args:
      argv: Arguments, list of `str`; None takes those of the process.

    Returns:
      The exit status: 0, whatever the figures are.
    """
    arguments = _parser().parse_args(argv)
    results = measure(arguments.half, arguments.short, arguments.traces, arguments.no_training)
    if arguments.markdown:
        print(report.markdown(results))
    else:
        print(report.text(results, arguments.misses))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(report.to_dict(results), file, indent=1)
    return 0


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults",
        description="Diagnoses trainings with planted faults, and healthy ones.",
    )
    parser.add_argument("--short", action="store_true", help="a dozen faulty, two dozen healthy")
    parser.add_argument("--set", dest="half", choices=[*SETS, "all"], default="held_out")
    parser.add_argument("--misses", action="store_true", help="list what went wrong, run by run")
    parser.add_argument("--traces", metavar="DIR", help="keep the runs, judge those that are there")
    parser.add_argument("--no-training", action="store_true", help="judge only what is in --traces")
    parser.add_argument("--json", metavar="F", help="write all figures and judgements to a file")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    return parser


def measure(half="held_out", is_short=False, directory=None, only_trained=False):
    """Trains and judges.

    Args:
      half: A half of the architectures, or `"all"`.
      is_short: Whether a few runs stand for all.
      directory: Where the runs are kept; None takes one that is deleted afterwards.
      only_trained: Whether runs that are not there yet are left out.

    Returns:
      `report.Results`.
    """
    halves = list(SETS) if half == "all" else [half]
    if directory is None:
        with tempfile.TemporaryDirectory() as temporary:
            return _measured(halves, is_short, Traces(temporary), only_trained)
    return _measured(halves, is_short, Traces(directory), only_trained)


def _measured(halves, is_short, traces, only_trained):
    runs = [one for half in halves for one in _runs(half, is_short)]
    if only_trained:
        runs = [one for one in runs if traces.has(one)]
    diagnoses = scoring.diagnoses()
    judged = {name: ([], []) for name in diagnoses}
    left_out = []
    for run in tqdm(runs, desc="runs", unit="run", disable=None, file=sys.stderr):
        is_faulty = hasattr(run, "plants")
        trace, layers = traces.faulty(run) if is_faulty else (traces.healthy(run), None)
        if not trace.counts:
            left_out.append(run)
            continue
        table = trace.table
        for name, diagnosis in diagnoses.items():
            faulty, healthy = judged[name]
            if is_faulty:
                faulty.append(scoring.judged_faulty(trace, table, layers, diagnosis))
            else:
                healthy.append(scoring.judged_healthy(trace, table, diagnosis))
    return report.Results(tuple(halves), judged, left_out)


def _runs(half, is_short):
    if is_short:
        return short_runs(half)
    return [*faulty_runs(half), *healthy_runs(half)]
