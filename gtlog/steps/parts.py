"""What the steps of one logger share."""

import dataclasses

from gtlog.graphs.gate import Gate
from gtlog.graphs.values_at_call import ValuesAtCall
from gtlog.notices.failures import Failures
from gtlog.variables.registry import VariableRegistry
from gtlog.when.step_counter import StepCounter
from gtlog.writing.post_hook import PostHook


@dataclasses.dataclass(frozen=True)
class LoggerParts:
    """What the steps of one logger share.

    Attributes:
      counter: Numbers the steps, and decides which are logged.
      gate: Lets pass what graphs hand over.
      values_at_call: What the host reads before it calls a `tf.function`.
      registry: The variables that the logger knows.
      post_hook: Takes what a logged step left to the writer.
      failures: Warns of what cannot be logged.
    """

    counter: StepCounter
    gate: Gate
    values_at_call: ValuesAtCall
    registry: VariableRegistry
    post_hook: PostHook
    failures: Failures
