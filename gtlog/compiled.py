"""How tensors of a logged step leave a graph that XLA compiles: as outputs of a second function.

XLA compiles no callback, so no gate can stand in such a graph. On logged steps the decorator calls
a second `tf.function` instead, made from the same Python function with the same options, which
returns what the tapes have observed beside what the step returns. On all other steps the user's
own function runs, which has nothing of gtlog's in it.
"""

import weakref

import tensorflow as tf

from gtlog import _compat


class ExtraOutputs:
    """What one trace of a second function hands over; it stands where a `Gate` stands elsewhere.

    Attributes:
      capture: `Capture` of the logged step whose tensors are being handed over; None otherwise.
    """

    def __init__(self):
        self.capture = None
        self._tensors = []
        self._receivers = []

    def hand_over(self, tensors, callback):
        """Adds tensors to the outputs of the function that is being traced.

        Args:
          tensors: List of symbolic tensors to hand over.
          callback: Called with the eager tensors, each time that the function has run.
        """
        with _compat.stop_recording(), tf.name_scope("gtlog"):
            self._tensors.extend(tf.identity(tensor) for tensor in tensors)
        self._receivers.append((len(tensors), callback))

    def hand_over_values(self, known_variables, read, callback):
        """As `hand_over`, of the values that `read` gives; see `Gate.hand_over_values`."""
        with _compat.stop_recording():
            pairs = read()
        were_read = [known for known, _ in pairs]
        values = [value for _, value in pairs]
        self.hand_over(values, lambda *arrived: callback(list(zip(were_read, arrived))))

    def take_tensors(self):
        """The tensors of the graph, which are not kept."""
        tensors, self._tensors = self._tensors, []
        return tensors

    def deliver(self, tensors, capture):
        """Gives to the callbacks what the function has returned for `take_tensors`."""
        self.capture = capture
        remaining = iter(tensors)
        for count, callback in self._receivers:
            callback(*(next(remaining) for _ in range(count)))
        self.capture = None


class SecondFunction:
    """The function that runs in place of the user's on logged steps.

    Args:
      function: The user's `tf.function` object, bound or not. It is not kept.
    """

    def __init__(self, function):
        self._function = _compat.function_like(function, self._trace)
        self._traces = []
        self._step = None
        self.is_users_error = False

    def call(self, step, args, kwargs):
        """Runs as the logged step `step`.

        Returns:
          What the user's function returns, and a function without arguments that has the step take
          what its tapes have observed.
        """
        self._step, self.is_users_error = step, False
        try:
            result, handed_over = self._function(*args, **kwargs)
        finally:
            self._step = None
        ((number, tensors),) = handed_over.items()
        return result, lambda: self._traces[number].deliver(tensors, step.capture)

    def _trace(self, body, args, kwargs):
        # A call runs one of several traces; the key in what it returns says which.
        number, outputs = len(self._traces), ExtraOutputs()
        self._traces.append(outputs)
        self._step.outputs = outputs
        try:
            result = body(*args, **kwargs)
        except BaseException:
            self.is_users_error = True
            raise
        finally:
            self._step.outputs = None
        return result, {number: outputs.take_tensors()}


class CompiledFunctions:
    """The second function of each `tf.function` object that one logger decorates.

    Args:
      failures: `Failures` of the logger.
    """

    def __init__(self, failures):
        self._failures = failures
        self._second = weakref.WeakKeyDictionary()
        self._refused = weakref.WeakSet()

    def call(self, function, step, args, kwargs):
        """Calls a function as one step; the function itself where the step is not logged."""
        step.is_compiled = True
        if not step.is_logged or function in self._refused:
            return function(*args, **kwargs)
        second = None
        try:
            second = self._second_of(function)
            result, deliver = second.call(step, args, kwargs)
        except Exception as error:
            if second is not None and second.is_users_error:
                raise
            failure = error
        else:
            with self._failures.guard("read the gradients", step.number):
                deliver()
            return result
        # XLA has refused it before anything ran. If it refuses the user's own as well, that error
        # is theirs to see.
        result = function(*args, **kwargs)
        self._refused.add(function)
        self._failures.failed("compile the step together with its gradients", failure, step.number)
        return result

    def _second_of(self, function):
        if function not in self._second:
            self._second[function] = SecondFunction(function)
        return self._second[function]
