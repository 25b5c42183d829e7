"""From sightings of the rules to findings: the earliest is to blame for those that follow."""

import warnings

import numpy as np

from gtlog.diagnosis import faults, learning_rate
from gtlog.diagnosis.evidence import Evidence
from gtlog.diagnosis.faults import ALARM, FAULTS, NOTE
from gtlog.diagnosis.finding import Finding
from gtlog.diagnosis.rules import RULES
from gtlog.diagnosis.rules.dead_units import is_shut

# The most alarms of a run. A run with more has, as a rule, one cause that no rule knows.
MOST_ALARMS = 2
# Logged steps for which a fault has to stand before it is an alarm while the run goes on. Spikes
# recover, and a layer may begin slowly. Faults with exact evidence need no such time.
CONFIRMED = 4
EXACT = {faults.NONFINITE, faults.OVERWRITTEN, faults.NO_GRADIENT, faults.IDENTICAL_UNITS}
# Trends that learning, or Adam around a minimum, may look like until it is over. While a run goes
# on they are alarms only if the loss has risen by this factor since.
RISEN = 1.5
TRENDS = {faults.ASCENDING, faults.WEIGHTS_GROWING, faults.WEIGHTS_SHRINKING}
# Share of the run. Units that die after it do not explain, as a rule, why nothing was ever learned.
LATE = 0.2

# Faults that a fault can bring about in the same run, in the same layer or in others. A fault that
# no other one brings about stands for itself, whenever it begins.
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
# Of faults that begin at the same step, the one that comes first here is to blame.
PRECEDENCE = tuple(RULES)


def judge(table, is_whole=True):
    """Judges from the vitals of a run what is wrong with it.

    Args:
      table: A `VitalsTable`.
      is_whole: Whether the run is over. While it goes on, a fault that only the whole run proves
        is a note.

    Returns:
      A list of `Finding`: alarms come first, then the order is that of their first steps.
    """
    evidence = Evidence(table, is_whole)
    sightings = _guarded(faults.NONFINITE, evidence)
    # Steps after NaN weights show nothing; steps before them may show the reason.
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
    """Whether a fault has stood for long enough to be reported while the run goes on."""
    return sighting.fault in EXACT or number - sighting.onset >= CONFIRMED


def _while_it_goes_on(sighting, evidence):
    """The sighting; as a note if the end of the run may still refute it."""
    before, after = evidence.loss_around(sighting.onset)
    if sighting.fault in TRENDS and not after > RISEN * before:
        return sighting._replace(severity=NOTE)
    return sighting


def _counts_against_data(sighting, evidence):
    """Whether a sighting in a layer explains why nothing is learned.

    Units that die late are a consequence of it, unless their bias shuts them.
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
    """The sightings of a rule. A rule that fails does not disturb the others."""
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
    """Pairs of a sighting and the sightings that follow from it, the earliest first."""
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
    """Whether an alarm says already what a note would say."""
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
