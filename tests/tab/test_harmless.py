"""Whatever breaks in the tab costs the tab alone: TensorBoard starts, and shows all else."""

import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

import gtlog

from ..quick import logs
from ..quick.logs import table_of
from ..quick.reading import written
from .server import running


@pytest.fixture(name="logdir")
def _logdir(tmp_path):
    """A log directory of one run with a table and a scalar."""
    scalar = written.event(5, written.scalar("accuracy", 0.5))
    logs.write(tmp_path / "logs" / "run", table_of({"l/kernel": np.ones(5)}), scalar)
    return tmp_path / "logs"


def has_scalars(server):
    """Whether the server shows the scalar."""
    return "accuracy" in server.get("data/plugin/scalars/tags").json.get("run", {})


@pytest.mark.parametrize("broken", ["looking/__init__.py", "plugin/tab.py", "reading/protos.py"])
def test_broken_modules(tmp_path, logdir, broken):
    """Where a module of gtlog's fails TensorBoard lacks the tab, and says why."""
    package = tmp_path / "package"
    shutil.copytree(str(pathlib.Path(gtlog.__file__).parent), str(package / "gtlog"))
    (package / "gtlog" / broken).write_text("raise RuntimeError('planted')")
    with running(logdir, tmp_path / "server", package=package) as server:
        server.wait_for(lambda: has_scalars(server))
        assert "gtlog" not in server.tabs()
        assert "planted" in server.output.read_text()


def test_flags_of_another_kind():
    """Flags that are not as expected are no reason to fail."""
    code = (
        "import types; from gtlog.plugin.entry import Loader; "
        "loader = Loader(); loader.define_flags(None); loader.fix_flags(types.SimpleNamespace()); "
        "flags = types.SimpleNamespace(samples_per_plugin={'gtlog': 5}); loader.fix_flags(flags); "
        "assert flags.samples_per_plugin == {'gtlog': 5}; "
        "flags.samples_per_plugin.clear(); loader.fix_flags(flags); "
        "assert flags.samples_per_plugin == {'gtlog': 1000}"
    )
    run_python(code)


def test_the_entry_is_light():
    """What TensorBoard imports when it starts is gtlog itself and the entry: no numpy, no more."""
    code = (
        "import sys; import gtlog.plugin.entry; "
        "assert {one for one in sys.modules if one.split('.')[0] == 'gtlog'} == "
        "{'gtlog', 'gtlog.plugin', 'gtlog.plugin.entry'}; "
        "assert not {'numpy', 'tensorflow', 'tensorboard'} & set(sys.modules)"
    )
    run_python(code)


def test_the_tab_needs_no_tensorflow():
    """Loading the tab imports no TensorFlow beyond what TensorBoard itself does."""
    code = (
        "import sys; from tensorboard.plugins import base_plugin; from tensorboard.backend import "
        "http_util; before = 'tensorflow' in sys.modules; import types; "
        "from gtlog.plugin.entry import Loader; "
        "context = types.SimpleNamespace(data_provider=None, sampling_hints={}); "
        "tab = Loader().load(context); assert tab.plugin_name == 'gtlog'; "
        "context.plugin_name_to_instance = {'gtlog': tab}; assert Loader().load(context) is None; "
        "assert ('tensorflow' in sys.modules) == before"
    )
    run_python(code)


def run_python(code):
    """Runs a program, which fails the test where it fails."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
