import pytest

from vaecli.kernels.switch import VARIABLE
from vaecli.runs.environment import describe_environment, processor


@pytest.mark.parametrize(("value", "kernels"), [("1", "plain"), ("0", "fast")])
def test_a_run_says_which_kernels_made_its_figures(value, kernels, monkeypatch):
    monkeypatch.setenv(VARIABLE, value)
    assert describe_environment()["kernels"] == kernels


def test_the_processor_has_a_name_everywhere(tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text("processor : 0\nmodel name : Abacus 3\nmodel name : Abacus 3\n")
    assert processor(info) == "Abacus 3"
    assert processor(tmp_path / "none")
