"""TensorBoard: event files in the run's folder, ``tensorboard --logdir runs/EXPERIMENT`` shows its runs together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.plugins.hparams.api_pb2 import Status
from tensorboard.plugins.hparams.metadata import PLUGIN_DATA_VERSION, PLUGIN_NAME, SESSION_END_INFO_TAG
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from vaecli.trackers.tracker import End, TrackedRun


class TensorBoardTracker:
    """Scalars by column, the settings as hyper-parameters of the HParams dashboard and as a text."""

    def start(self, run: TrackedRun) -> str:
        """Opens an event file; each process that goes on with a run adds one to the same folder."""
        path = run.folder / "tensorboard"
        open_writer: Any = SummaryWriter
        self.writer = open_writer(str(path))
        self.step = run.step
        if run.known_as is None:
            rows = "\n".join(f"| {key} | {value} |" for key, value in run.settings.items())
            self.writer.add_text("settings", f"| setting | value |\n| --- | --- |\n{rows}")
            begin_session: Any = hparams
            summaries = begin_session(dict(run.settings), {"neg_elbo": 0.0, "kl": 0.0, "mi": 0.0})
            for summary in summaries[:2]:  # what there is, and that a session has begun
                self.writer.file_writer.add_summary(summary)
            self.writer.flush()
        return "tensorboard"

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """A scalar a column."""
        self.step = step
        for name, value in figures.items():
            self.writer.add_scalar(name, value, step)
        self.writer.flush()

    def finish(self, figures: Mapping[str, float], end: End) -> None:
        """The final figures at the last step, and the end of the session."""
        for name, value in figures.items():
            self.writer.add_scalar(name, value, self.step)
        if end != "interrupted":
            self.writer.file_writer.add_summary(session_end("STATUS_SUCCESS" if end == "done" else "STATUS_FAILURE"))
        self.writer.close()


def session_end(status: str) -> Any:
    """The end of a session for the HParams dashboard; TensorBoard's own helper for it wants TensorFlow."""
    info = SessionEndInfo(status=Status.Value(status), end_time_secs=time.time())
    content = HParamsPluginData(session_end_info=info, version=PLUGIN_DATA_VERSION).SerializeToString()
    plugin = SummaryMetadata.PluginData(plugin_name=PLUGIN_NAME, content=content)
    value = Summary.Value(tag=SESSION_END_INFO_TAG, metadata=SummaryMetadata(plugin_data=plugin))
    return Summary(value=[value])
