"""What gtlog writes, as a real TensorBoard server serves it to a browser."""

import contextlib
import io
import json
import sys
import time
import urllib.parse
import urllib.request

import numpy as np
import pytest
import tensorflow as tf

from gtlog.cli import main
from gtlog.testing import read_events

from .processes import serving, url_of

_RUNS = ("dense", "conv", "lstm")
_PLUGINS = {"scalar": "scalars", "histogram": "histograms", "image": "images"}
_PATIENCE = 120.0  # seconds, for a server that starts on a busy machine


class _Server:
    """A TensorBoard server's HTTP API."""

    def __init__(self, url):
        self._url = url
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, route, **query):
        """The body of the answer, bytes."""
        encoded = urllib.parse.urlencode(query)
        with self._opener.open(f"{self._url}data/{route}?{encoded}", timeout=30) as response:
            return response.read()

    def values(self, kind, run, tag):
        """What a plugin has of one tag, from JSON."""
        plugin = _PLUGINS[kind]
        return json.loads(self.get(f"plugin/{plugin}/{plugin}", run=run, tag=tag, sample=0))

    def tags(self):
        """Set of (kind, run, tag)."""
        return {
            (kind, run, tag)
            for kind, plugin in _PLUGINS.items()
            for run, tags in json.loads(self.get(f"plugin/{plugin}/tags")).items()
            for tag in tags
        }


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Log directory of a short demo."""
    path = tmp_path_factory.mktemp("server") / "logs"
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["demo", "--logdir", str(path), "--steps", "3", "--every", "2"]) == 0
    return path


@pytest.fixture(scope="module")
def events(logs):
    """List of (run, value) of all event files."""
    values = [(run, one) for run in _RUNS for one in read_events(logs / run)]
    return [(run, one) for run, one in values if one.kind in _PLUGINS]  # all that it draws


@pytest.fixture(scope="module")
def server(logs, events, tmp_path_factory):
    """A TensorBoard server that has loaded every event."""
    output = tmp_path_factory.mktemp("output") / "tensorboard.txt"
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logs)]
    command += ["--host", "127.0.0.1", "--port", "0", "--load_fast=false"]
    with serving(command, output) as process:
        deadline = time.monotonic() + _PATIENCE
        url = _wait_for(lambda: url_of(process, output), deadline, output)
        tensorboard = _Server(url)
        expected = {(one.kind, run, one.tag) for run, one in events}
        _wait_for(lambda: expected <= tensorboard.tags(), deadline, output)
        yield tensorboard


def _wait_for(condition, deadline, output):
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.2)
    raise AssertionError(f"TensorBoard was not ready in time:\n{output.read_text()}")


def _by_tag(events, kind):
    """Dict from (run, tag) to a dict from step to value."""
    values = {}
    for run, one in events:
        if one.kind == kind:
            values.setdefault((run, one.tag), {})[one.step] = one.value
    return values


def test_every_tag_is_served_by_its_plugin(server, events):
    """TensorBoard has the tags of the event files, each as the kind it was written as."""
    assert {one.kind for _, one in events} == set(_PLUGINS)
    assert server.tags() == {(one.kind, run, one.tag) for run, one in events}


def test_scalars_are_those_written(server, events):
    """TensorBoard serves each scalar at each step as it was written."""
    for (run, tag), written in _by_tag(events, "scalar").items():
        served = {step: value for _, step, value in server.values("scalar", run, tag)}
        assert served == pytest.approx(written)


def test_histograms_are_those_written(server, events):
    """TensorBoard serves each histogram at each step with the edges and counts written."""
    for (run, tag), written in _by_tag(events, "histogram").items():
        served = {step: rows for _, step, rows in server.values("histogram", run, tag)}
        assert list(served) == list(written)
        for step, rows in written.items():
            np.testing.assert_allclose(served[step], rows)


def test_images_are_those_written(server, events):
    """TensorBoard serves each image at each step, and its bytes decode to the pixels written."""
    for (run, tag), written in _by_tag(events, "image").items():
        served = {one["step"]: one for one in server.values("image", run, tag)}
        assert list(served) == list(written)
        for step, pixels in written.items():
            query = dict(urllib.parse.parse_qsl(served[step]["query"]))
            png = server.get("plugin/images/individualImage", **query)
            np.testing.assert_array_equal(tf.io.decode_png(png).numpy(), pixels)


def test_descriptions_are_served(server, events):
    """TensorBoard shows the description that a value was written with."""
    described = {(run, one.tag) for run, one in events if one.kind == "image" and one.description}
    tags = json.loads(server.get("plugin/images/tags"))
    assert described
    for run, tag in described:
        assert "<p>" in tags[run][tag]["description"]
