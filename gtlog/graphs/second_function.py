"""The function that runs in place of a step that XLA compiles, on logged steps.

XLA compiles no callback, so no gate can stand in such a graph. On logged steps the decorator calls
a second `tf.function` instead, made from the same Python function with the same options. It returns
what the step returns, and beside it what the tapes have observed. On all other steps the user's own
function runs, with nothing of gtlog's in it.
"""

import weakref

from gtlog import _compat
from gtlog.graphs.extra_outputs import ExtraOutputs


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
        """Calls a function as one step: on a logged step its second function, else itself."""
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
        # XLA has refused the second function before anything ran. If XLA refuses the user's own as
        # well, the user sees that error.
        result = function(*args, **kwargs)
        self._refused.add(function)
        self._failures.failed("compile the step together with its gradients", failure, step.number)
        return result

    def _second_of(self, function):
        if function not in self._second:
            self._second[function] = SecondFunction(function)
        return self._second[function]
