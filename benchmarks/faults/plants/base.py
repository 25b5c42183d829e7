"""What a planted fault is: where, how strong, since when, its labels, and whether it took hold."""

import numpy as np

from benchmarks.faults.hooks import Hook

SEVERE, MILD = "severe", "mild"


class Plant(Hook):
    """A fault that is planted into a run.

    The labels stand here, beside the planting, and are sets: what a diagnosis may call it, and the
    layers it may name. None among the layers means that it has to name none.

    Attributes:
      faults: Names of the fault that are right.
      among: Attribute of the program with the layers that can have it; None for the whole network.
      strengths: What `strength` is by severity.
      starts: Whether it is planted from the first step on, later, or either.
      shapes: `"step"` comes at once, `"drift"` over half of what is left of the run.

    Args:
      layer: Name of the layer among the program's kernels; None for the whole network.
      severity: `"severe"` or `"mild"`.
      onset: The first step that shows it.
      steps: Number of steps of the run.
      shape: One of `shapes`.
    """

    faults = frozenset()
    among = "kernels"
    strengths = {SEVERE: 1.0, MILD: 1.0}
    starts = ("first", "later")
    shapes = ("step", "drift")

    def __init__(self, layer, severity, onset, steps, shape="step"):
        self.layer, self.severity, self.onset = layer, severity, onset
        self.strength = self.strengths[severity]
        self.steps, self.shape = steps, shape

    def layers(self, names):
        """The layers that are right, of the `names` of all; None stands for naming none."""
        return frozenset({self.layer})

    def level(self, step):
        """0 before the onset; then 1, or what a drift has reached."""
        if step < self.onset:
            return 0.0
        if self.shape == "step":
            return 1.0
        return min(1.0, (step - self.onset + 1) / ((self.steps - self.onset) / 2))

    def took_hold(self, truth, twin):
        """Whether the fault is there, from what really happened in this run and in its twin.

        Args:
          truth: `Truth` of the run.
          twin: `Truth` of the same run without the fault.
        """
        raise NotImplementedError

    def late(self, array):
        """The median over the last third of what comes after the onset, of the layer."""
        start = self.onset + (self.steps - self.onset) * 2 // 3
        late = array[..., start:]
        known = late[~np.isnan(late)]
        return np.median(known) if known.size else np.nan

    def late_ratio(self, name, truth, twin):
        """A norm of the layer late in the run, over that of the twin."""
        place = truth.of(self.layer)
        mine, others = (getattr(one, name)[place] for one in (truth, twin))
        with np.errstate(all="ignore"):
            return self.late(mine) / max(self.late(others), 1e-30)

    def is_worse(self, truth, twin, factor=1.25):
        """Whether the loss ends well above that of the twin."""
        return not self.late(truth.loss) < factor * self.late(twin.loss)

    def has_not_learned(self, truth, twin):
        """Whether the loss stays where it began, while that of the twin falls."""
        return self.late(truth.loss) > 0.9 * np.median(truth.loss[:10]) and self.is_worse(
            truth, twin
        )

    def parameters(self, training):
        """Positions of the variables of the layer: its kernel and what follows up to the next."""
        program = training.program
        kernels = {id(one): name for name, one in program.kernels.items()}
        shifts = {id(one): name for name, one in program.shifts.items()}
        positions, current = [], None
        for position, variable in enumerate(training.variables):
            current = kernels.get(id(variable), current)
            owner = shifts.get(id(variable), current)
            if owner == self.layer and not _is_gain(variable):
                positions.append(position)
        return positions

    def kernel_position(self, training):
        """Position of the kernel of the layer."""
        kernel = training.program.kernels[self.layer]
        return next(n for n, one in enumerate(training.variables) if one is kernel)


def _is_gain(variable):
    return variable.name.partition(":")[0].endswith(("gamma", "beta"))
