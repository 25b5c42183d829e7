"""The tab `gtlog` in TensorBoard: the page, with what TensorBoard has read.

TensorBoard loads `entry` when it starts, whether its user wants the tab or not. Nothing there may
fail, since TensorBoard would not start: all else is imported when the tab is loaded, where a
failure costs the tab alone.
"""

NAME = "gtlog"
"""The name of the plugin and of the tab."""

MOST_SAMPLES = 1000
"""Steps of each run that TensorBoard keeps, unless `--samples_per_plugin` says otherwise."""
