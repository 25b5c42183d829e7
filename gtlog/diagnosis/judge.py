"""From what the rules saw to findings: the earliest is to blame, and what follows is folded in."""

import warnings

import numpy as np

from gtlog.diagnosis import faults, learning_rate
from gtlog.diagnosis.evidence import Evidence
from gtlog.diagnosis.faults import ALARM, FAULTS, NOTE
from gtlog.diagnosis.finding import Finding
from gtlog.diagnosis.rules import RULES
from gtlog.diagnosis.rules.dead_units import is_shut

# As a rule: a run with more has one cause that no rule knows.
MOST_ALARMS = 2
# Logged steps that a fault has to stand before it is an alarm while the run goes on, unless what
# shows it is exact: spikes recover, and a layer may begin slowly.
CONFIRMED = 4
EXACT = {faults.NONFINITE, faults.OVERWRITTEN, faults.NO_GRADIENT, faults.IDENTICAL_UNITS}
# What learning, or Adam around a minimum, may look like until it is over: while a run goes on it is
# an alarm only where the loss has risen since.
RISEN = 1.5
TRENDS = {faults.ASCENDING, faults.WEIGHTS_GROWING, faults.WEIGHTS_SHRINKING}
# Share of the run after which dying units are no reason that nothing was ever learned, as a rule.
LATE = 0.2

# What a fault can bring about in the same run, in the same or in other layers. A fault that no
# other brings about stands for itself, whenever it begins.
_OF_GRADIENTS = {faults.VANISHING_GRADIENTS, faults.EXPLODING_GRADIENTS, faults.DEAD_UNITS}
_OF_WEIGHTS = {faults.WEIGHTS_GROWING, faults.WEIGHTS_SHRINKING}
_OF_UPDATES = {faults.UPDATES_TOO_LARGE, faults.UPDATES_TOO_SMALL}
_ENDS = {faults.NONFINITE, faults.NOT_LEARNING}
_SYMPTOMS = _OF_GRADIENTS | _OF_WEIGHTS | _OF_UPDATES | _ENDS
CONSEQUENCES = {
    faults.OVERWRITTEN: _SYMPTOMS | {faults.IDENTICAL_UNITS, faults.NOT_UPDATED, faults.ASCENDING},
    faults.INITIALIZATION: _SYMPTOMS | {faults.IDENTICAL_UNITS},
    faults.UPDATES_TOO_LARGE: _SYMPTOMS | {faults.ASCENDING},
    faults.ASCENDING: _SYMPTOMS,
    faults.NO_GRADIENT: _SYMPTOMS,
    faults.NOT_UPDATED: _SYMPTOMS,
    faults.IDENTICAL_UNITS: _SYMPTOMS,
    faults.WEIGHTS_GROWING: _OF_GRADIENTS | _OF_UPDATES | _OF_WEIGHTS | _ENDS,
    faults.WEIGHTS_SHRINKING: _OF_GRADIENTS | _OF_UPDATES | _OF_WEIGHTS | _ENDS,
    faults.EXPLODING_GRADIENTS: _SYMPTOMS,
    faults.VANISHING_GRADIENTS: _OF_GRADIENTS | _OF_UPDATES | _OF_WEIGHTS | _ENDS,
    faults.DEAD_UNITS: _OF_GRADIENTS | _OF_UPDATES | _OF_WEIGHTS | _ENDS,
    faults.UPDATES_TOO_SMALL: _SYMPTOMS,
    faults.NONFINITE: _SYMPTOMS | {faults.OVERWRITTEN, faults.ASCENDING},
    faults.NOT_LEARNING: {faults.DEAD_UNITS},
}
# At the same step the one that stands first here is to blame.
PRECEDENCE = tuple(RULES)


def judge(table, is_whole=True):
    """What the vitals of a run show to be wrong with it.

    Args:
      table: A `VitalsTable`.
      is_whole: Whether the run is over. While it goes on, a fault that only the whole run proves is
        a note.

    Returns:
      A list of `Finding`, alarms first, then by the step since which they are seen.
    """
    evidence = Evidence(table, is_whole)
    sightings = _guarded(faults.NONFINITE, evidence)
    # What comes after weights that are NaN says nothing; what came before may say why.
    lost = [one.onset for one in sightings if one.severity == ALARM]
    before = evidence.before(min(lost)) if lost else evidence
    for fault in RULES if len(before) else ():
        if fault not in (faults.NONFINITE, faults.NOT_LEARNING):
            sightings.extend(_guarded(fault, before))
    if len(before) and not any(_counts_against_data(one, before) for one in sightings):
        sightings.extend(_guarded(faults.NOT_LEARNING, before))
    if not is_whole and not lost:
        confirmed = [one for one in sightings if _is_confirmed(one, len(evidence))]
        sightings = [_while_it_goes_on(one, evidence) for one in confirmed]
    return [_finding(evidence, *pair) for pair in _alarms_and_notes(sightings)]


def _is_confirmed(sighting, number):
    """Whether it has stood for long enough to be told while the run goes on."""
    return sighting.fault in EXACT or number - sighting.onset >= CONFIRMED


def _while_it_goes_on(sighting, evidence):
    """The sighting, a note where the end may show it to be none."""
    before, after = evidence.loss_around(sighting.onset)
    if sighting.fault in TRENDS and not after > RISEN * before:
        return sighting._replace(severity=NOTE)
    return sighting


def _counts_against_data(sighting, evidence):
    """Whether a layer explains that nothing is learned.

    Units that die late follow from it, unless their bias shuts them.
    """
    if sighting.fault == faults.DEAD_UNITS:
        if sighting.severity != ALARM:
            return False
        return sighting.onset < LATE * len(evidence) or is_shut(evidence, sighting.row)
    return sighting.severity == ALARM


def _alarms_and_notes(sightings):
    alarms = _folded([one for one in sightings if one.severity == ALARM])[:MOST_ALARMS]
    notes = [(one, ()) for one in sightings if one.severity == NOTE and not _is_said(one, alarms)]
    return alarms + sorted(notes, key=lambda note: note[0].onset)


def _guarded(fault, evidence):
    """What a rule sees; one that fails costs itself alone."""
    try:
        with np.errstate(all="ignore"):
            return RULES[fault](evidence)
    except Exception as error:
        warnings.warn(
            f"The rule for {fault!r} failed and is left out of this diagnosis: "
            f"{type(error).__name__}: {error}",
            RuntimeWarning,
            stacklevel=3,
        )
        return []


def _folded(sightings):
    """Pairs of a sighting and what follows from it, the earliest first."""
    order = sorted(sightings, key=lambda one: (one.onset, PRECEDENCE.index(one.fault)))
    causes = []
    for sighting in order:
        cause = next((one for one in causes if _follows(sighting, one[0])), None)
        if cause is None:
            causes.append((sighting, []))
        else:
            cause[1].append(sighting)
    return causes


def _follows(sighting, cause):
    if sighting.fault == cause.fault:
        return True
    return sighting.fault in CONSEQUENCES[cause.fault]


def _is_said(note, alarms):
    """Whether an alarm says already what a note would."""
    return any(note.fault == one.fault or _follows(note, one) for one, _ in alarms)


def _finding(evidence, sighting, following):
    row = sighting.row
    advice = FAULTS[sighting.fault].usual_causes if sighting.advice is None else sighting.advice
    rates = learning_rate.sentence(sighting, evidence.table)
    return Finding(
        fault=sighting.fault,
        severity=sighting.severity,
        layer=None if row is None else evidence.layer_of(row),
        variable=None if row is None else evidence.rows[row].path,
        first_step=int(evidence.steps[sighting.onset]),
        evidence=" ".join(filter(None, (sighting.evidence, rates))),
        advice=advice,
        consequences=tuple(_finding(evidence, one, ()) for one in following),
    )
