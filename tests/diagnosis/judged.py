"""What the tests of the rules ask of a judgement."""

from gtlog.diagnosis.judge import judge


def alarms(table, **options):
    """The alarms of a run as pairs of fault and layer."""
    found = judge(table, **options)
    return [(one.fault, one.layer) for one in found if one.severity == "alarm"]


def notes(table, **options):
    """The notes on a run as pairs of fault and layer."""
    return [(one.fault, one.layer) for one in judge(table, **options) if one.severity == "note"]


def faults_of_layer(table, layer):
    """The faults that are found in a layer, consequences included."""
    found = judge(table)
    return [
        one.fault
        for finding in found
        for one in (finding, *finding.consequences)
        if one.layer == layer
    ]


def layer(number):
    """The path of a layer of `Training`."""
    return f"net/dense_{number}"
