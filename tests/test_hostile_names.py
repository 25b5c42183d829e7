"""Names come from users' models: whatever they hold, they reach terminals and pages inert."""

import os
import unicodedata

import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

import gtlog
from gtlog.notices.text import printable
from gtlog.summaries import Histogram, Image, Scalar, histograms
from gtlog.testing import read_events
from gtlog.variables.naming import own_path
from gtlog.variables.roles import role_of

HOSTILE = {
    "parent": "../../../../tmp/gtlog-escaped/kernel",
    "absolute": "/etc/gtlog-escaped",
    "dots": "a/./../b",
    "terminal": "\x1b[2J\x1b]0;title\x07kernel",
    "eight-bit-terminal": "\x9b31mkernel",
    "lines": "kernel\r\nWARNING: all is lost",
    "nul": "kernel\0.txt",
    "direction": "kernel\u202egnp.exe",
    "separators": "a\u2028b\u2029c",
    "html": "<script>alert(1)</script>/<img src=x onerror=alert(1)>",
    "markdown": "[x](javascript:alert(1))",
    "backslashes": "..\\..\\kernel",
    "long": "a" * 1_000_000,
    "deep": "a/" * 10_000 + "kernel",
}
ACTS = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def acts(text):
    """Whether a text holds anything that is no text."""
    return any(unicodedata.category(one) in ACTS for one in text)


any_text = st.text(st.characters(), max_size=60)  # surrogates too


class TestPaths:
    """What a variable's name becomes."""

    @settings(max_examples=2000)
    @given(any_text)
    @example("..")
    @example("a/../b")
    @example("\ud800")
    @example(":0")
    def test_they_hold_text_alone(self, name):
        """No control, no direction, no surrogate, no component of dots, nothing at the edges."""
        path = own_path(name)
        assert path and not acts(path)
        assert not {".", ".."} & set(path.split("/"))
        assert path == path.strip("/")
        path.encode()

    @settings(max_examples=1000)
    @given(st.text(st.characters(blacklist_categories=ACTS), min_size=1, max_size=60))
    def test_text_is_left_as_it_is(self, name):
        """A name of text alone, in any language, is its own path."""
        if {".", ".."} & set(name.split("/")) or name != name.strip("/"):
            return
        assert own_path(f"{name}:0") == name

    @given(any_text.filter(lambda name: "\\" not in name), any_text)
    def test_different_names_stay_different(self, one, other):
        """Escapes keep apart what was apart, where the names have no escapes of their own."""
        if "\\" not in other and one != other:
            assert printable(one) != printable(other)

    @given(st.integers(513, 3000), st.sampled_from(["kernel", "bias", "gamma"]))
    def test_long_names_are_cut(self, length, name):
        """A path has at most 512 characters, says its role, and is that of its name alone."""
        long = "x" * length + "/" + name
        path = own_path(long + ":0")
        assert len(path) <= 512 and role_of(path) == role_of(name)
        assert own_path("y" + long) != path != own_path("x" + long)

    @pytest.mark.parametrize("most", [10, 100])
    def test_messages_are_cut(self, most):
        """What is shown of a message is as long as was asked for, and says how much is missing."""
        shown = printable("m" * 1000, most)
        assert shown == "m" * most + f"… ({1000 - most} more characters)"
        assert printable("m" * most, most) == "m" * most

    def test_messages_keep_their_lines(self):
        """A message may have lines; a name may not."""
        assert printable("a\nb\x1b", 100) == "a\nb\\x1b"
        assert printable("a\nb") == "a\\nb"


@pytest.mark.parametrize("kind", list(HOSTILE))
class TestLogging:
    """A model whose variables have such names."""

    def test_events_are_written_and_no_other_file(self, kind, tmp_path, monkeypatch):
        """The variable is logged under a tag of text; the only file is the event file."""
        monkeypatch.chdir(tmp_path)
        weight = tf.Variable([1.0, 2.0], name=HOSTILE[kind])
        with gtlog.StepLogger("logs") as logger:
            for _ in range(2):
                with logger.step():
                    with gtlog.InstrumentedTape() as tape:
                        loss = tf.reduce_sum(weight)
                    tape.gradient(loss, weight)
        events = read_events("logs")
        assert len(events.tags) == 8
        assert not any(acts(tag) or ".." in tag.split("/") or len(tag) > 600 for tag in events.tags)
        assert not any(acts(one.description) for one in events if one.kind != "scalar")
        files = [os.path.join(place, name) for place, _, names in os.walk(".") for name in names]
        assert len(files) == 1 and files[0].startswith("./logs/events.out.tfevents.")
        assert not os.path.exists("/tmp/gtlog-escaped") and not os.path.exists("/etc/gtlog-escaped")

    def test_warnings_are_inert(self, kind, logdir):
        """A warning that names the variable holds text alone, and is no longer than a page."""
        unused = tf.Variable([1.0], name=HOSTILE[kind])
        weight = tf.Variable([1.0], name="weight")

        def broken(record):
            raise KeyError(HOSTILE[kind])

        with gtlog.StepLogger(logdir, summaries=[broken, histograms()]) as logger:
            with pytest.warns(gtlog.LoggingWarning) as caught:
                for _ in range(2):
                    with logger.step():
                        with gtlog.InstrumentedTape() as tape:
                            loss = tf.reduce_sum(weight)
                        tape.gradient(loss, [weight, unused])
        messages = [str(one.message) for one in caught]
        assert len(messages) == 2
        for message in messages:
            assert not acts(message.replace("\n", "")) and len(message) < 4100

    def test_errors_are_inert(self, kind, logdir):
        """So does the error that on_error="raise" makes of it."""

        def broken(record):
            raise ValueError(HOSTILE[kind])

        decorate = gtlog.logged_step(logdir, summaries=[broken], on_error="raise")
        with pytest.raises(gtlog.LoggingError) as caught:
            decorate(tf.Variable([1.0]).read_value)()
        assert not acts(str(caught.value).replace("\n", "")) and len(str(caught.value)) < 4100


def test_hostile_patterns_of_equal_look(logdir):
    """Two variables whose paths come out the same are kept apart."""
    variables = [tf.Variable([1.0], name=name) for name in ("a\x1b", "a\\x1b")]
    with gtlog.StepLogger(logdir, summaries=histograms()) as logger:
        with logger.step(), tf.GradientTape():
            tf.add_n(variables)
    assert read_events(logdir).tags == ["weights/a\\x1b", "weights/a\\x1b_1"]


class TestTagsOfUsersSummaries:
    """Tags that a user's own summary makes."""

    @pytest.mark.parametrize(
        "make",
        [
            lambda tag, text: Scalar(tag, 1.0, text),
            lambda tag, text: Histogram(tag, [[0.0, 1.0, 2.0]], text),
            lambda tag, text: Image(tag, tf.zeros([1, 1, 1], tf.uint8).numpy(), text),
        ],
        ids=["Scalar", "Histogram", "Image"],
    )
    @pytest.mark.parametrize("tag, text", [("a\udcff", ""), ("a", "b\udcff")])
    def test_what_utf8_cannot_express(self, make, tag, text):
        """Is refused where it is made: an event could not hold it."""
        with pytest.raises(ValueError, match=r"an event file holds UTF-8, .*'[ab]\\udcff'"):
            make(tag, text)

    def test_the_other_values_are_written(self, logdir):
        """It costs its own summary alone."""

        def broken(record):
            yield Scalar("good", 1.0)
            yield Scalar("bad\udcff", 1.0)

        weight = tf.Variable([1.0], name="weight")
        with gtlog.StepLogger(logdir, summaries=[broken, histograms()]) as logger:
            with pytest.warns(gtlog.LoggingWarning, match="an event file holds UTF-8"):
                with logger.step(), tf.GradientTape():
                    weight.read_value()
        assert read_events(logdir).tags == ["good", "weights/weight"]
