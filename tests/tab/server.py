"""TensorBoard servers that have the tab, and what they answer."""

import contextlib
import gzip
import importlib.util
import json
import os
import pathlib
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import gtlog

from ..processes import serving, url_of

PATIENCE = 90.0  # seconds, for a server that starts on a busy machine
HAS_FAST_LOADER = importlib.util.find_spec("tensorboard_data_server") is not None
LOADERS = ["fast", "python"] if HAS_FAST_LOADER else ["python"]
ENTRY_POINT = "[tensorboard_plugins]\ngtlog = gtlog.plugin.entry:Loader\n"


class Answer:
    """What a server answers: `status`, `headers`, `body`."""

    def __init__(self, response):
        self.status = response.status if hasattr(response, "status") else response.code
        self.headers = response.headers
        body = response.read()
        if response.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.body = body

    @property
    def json(self):
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def type(self):
        """The content type."""
        return self.headers["Content-Type"]


class Server:
    """A running TensorBoard.

    Args:
      url: Its address, with a slash at its end.
      output: Path of what it prints.
      loader: `"fast"` or `"python"`.
    """

    def __init__(self, url, output, loader):
        self.url = url
        self.loader = loader
        self.output = output
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, route, **query):
        """The `Answer` at an address below the server's."""
        encoded = f"?{urllib.parse.urlencode(query)}" if query else ""
        request = urllib.request.Request(f"{self.url}{route}{encoded}")
        request.add_header("Accept-Encoding", "gzip")
        try:
            with self._opener.open(request, timeout=30) as response:
                return Answer(response)
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error)

    def of_tab(self, route, **query):
        """The `Answer` at an address of the tab's."""
        return self.get(f"data/plugin/gtlog/{route}", **query)

    def tabs(self):
        """What the server says of its tabs, a dict by name."""
        return self.get("data/plugins_listing").json

    def marks(self):
        """The marks of the runs, by name."""
        return {one["name"]: one["mark"] for one in self.of_tab("runs").json}

    def wait_for(self, condition, seconds=PATIENCE):
        """Waits until a condition holds, and returns what it returned."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            result = condition()
            if result:
                return result
            time.sleep(0.1)
        raise AssertionError(f"It did not come in time:\n{self.output.read_text()}")


@contextlib.contextmanager
def running(logdir, folder, *options, loader=LOADERS[0], package=None, entry_points=1):
    """A TensorBoard server of this interpreter, that has the tab.

    Args:
      logdir: What it reads.
      folder: A folder for what it needs and prints.
      options: Further arguments.
      loader: `"fast"` or `"python"`.
      package: The folder in which the package `gtlog` lies; None takes the one that is tested.
      entry_points: How many distributions name the tab. The package that is tested may be
        installed, with an entry point of its own.
    """
    for number in range(entry_points):
        _make_distribution(folder, number)
    package = package or pathlib.Path(gtlog.__file__).parent.parent
    paths = [str(folder), str(package), *filter(None, [os.environ.get("PYTHONPATH")])]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir)]
    command += ["--host", "127.0.0.1", "--port", "0", "--reload_interval", "1", *options]
    if HAS_FAST_LOADER:
        command.append(f"--load_fast={'true' if loader == 'fast' else 'false'}")
    output = folder / "output.txt"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with serving(command, output, env=environment, cwd=str(folder)) as process:
        server = Server(None, output, loader)
        server.url = server.wait_for(lambda: url_of(process, output))
        yield server


def _make_distribution(folder, number):
    """A distribution whose entry point is the tab, as an installation leaves it."""
    path = folder / f"gtlog_tab{number}-1.0.dist-info"
    path.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: gtlog-tab{number}\nVersion: 1.0\n"
    (path / "METADATA").write_text(metadata)
    (path / "entry_points.txt").write_text(ENTRY_POINT)
