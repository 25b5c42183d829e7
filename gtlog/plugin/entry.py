"""What TensorBoard's entry point `tensorboard_plugins` names: it imports nothing that may fail."""

import logging

from gtlog.plugin import MOST_SAMPLES, NAME


def __getattr__(name):
    if name != "Loader":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # TensorBoard asks for it, so it is there; where gtlog alone is installed nobody asks.
    from tensorboard.plugins.base_plugin import TBLoader

    return _loader(TBLoader)


def _loader(base):
    """The loader of the tab, a subclass of TensorBoard's."""

    class Loader(base):
        """Loads the tab."""

        def fix_flags(self, flags):
            """Makes TensorBoard keep more steps of gtlog's tables than its own 10 or 100."""
            try:
                flags.samples_per_plugin.setdefault(NAME, MOST_SAMPLES)
            except Exception:  # one that is raised here would stop TensorBoard
                logging.getLogger(NAME).warning(
                    "TensorBoard's flags are not as expected: the tab gtlog may show few steps.",
                    exc_info=True,
                )

        def load(self, context):
            """Returns the tab, or None if there is one already: two of a name stop TensorBoard.

            There is one already where gtlog is found twice, as in a clone and as a package.
            """
            if NAME in (getattr(context, "plugin_name_to_instance", None) or ()):
                return None
            from gtlog.plugin.tab import Tab

            return Tab(context)

    return Loader
