"""Which variables the steps of a logger use, where no `InstrumentedTape` shows what is trained."""


class VariablesInUse:
    """The variables that the latest steps have read.

    What a step reads eagerly is seen each time. What an inner `tf.function` reads is seen when it
    is traced, and not when it runs again. So if a step reads nothing, or only variables in use,
    the others stay in use. If it reads any other variable, it is another program: from then on only
    the variables of this step are in use.

    Not for several threads with different models: the last of them decides.
    """

    def __init__(self):
        self._known = ()

    def after(self, read, is_all=False):
        """Takes account of a step, and returns what is in use after it.

        Args:
          read: `KnownVariable`s that the step was seen to read.
          is_all: Whether the step is sure to read no others.

        Returns:
          Tuple of `KnownVariable`.
        """
        if is_all or not set(read) <= set(self._known):
            self._known = tuple(dict.fromkeys(read))
        return self._known
