"""How tensors leave a graph: through a gate, or as further outputs of a function."""

from typing import Any, Callable, List, Optional, Protocol, Sequence, Tuple


class Handover(Protocol):
    """Takes tensors of the graph that is being traced, and gives them to callbacks when it runs.

    `Gate` does so with branches in the graph. `ExtraOutputs` does so where XLA compiles the graph
    and no branch may call the host.

    Attributes:
      capture: `Capture` of the logged step whose tensors arrive now; None if there is none.
    """

    capture: Optional[Any]

    def hand_over(self, tensors: Sequence[Any], callback: Callable[..., None]) -> None:
        """Hands tensors over as they are at this point of the graph.

        Args:
          tensors: Symbolic tensors.
          callback: Called on the host with the eager tensors.
        """

    def hand_over_values(
        self,
        known_variables: Sequence[Any],
        read: Callable[[], List[Tuple[Any, Any]]],
        callback: Callable[[List[Tuple[Any, Any]]], None],
    ) -> None:
        """Hands over the values that variables have at this point of the graph.

        Args:
          known_variables: All `KnownVariable`s that may be read.
          read: Called where the values are to be read; returns pairs of `KnownVariable` and value.
          callback: Called on the host with the same pairs, of eager values.
        """
