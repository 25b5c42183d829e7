"""What the trackers read when they are first used: no network, no words, files of their own."""

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def _quiet_and_offline(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for name in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"):
            patch.setenv(name, str(tmp_path_factory.mktemp("wandb")))
        for name, value in (("MODE", "offline"), ("SILENT", "true"), ("CONSOLE", "off")):
            patch.setenv(f"WANDB_{name}", value)
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        for name in [name for name in os.environ if name.startswith("MLFLOW_TRACKING")]:
            patch.delenv(name)
        yield
