"""`vae evaluate` on tiny runs of a folder of labelled text, and the same evaluations from `[evaluation] extra`."""

import csv
import json
import shutil

import pytest
from support import scoring
from typer.testing import CliRunner

from vaecli.cli.app import app
from vaecli.cli.evaluate import show
from vaecli.config import build_config
from vaecli.core.errors import DataError, DivergedError, UsageError
from vaecli.metrics.extras import registry as blocks
from vaecli.metrics.extras.registry import BLOCKS, BlockResult
from vaecli.metrics.extras.text.reconstruction import decoding_limit, reconstruct, sources
from vaecli.metrics.extras.text.samples import as_split, sample_prior, split_perplexity
from vaecli.metrics.extras.text.scores import corpus_bleu, distinct, exact_match, unique_share
from vaecli.metrics.schema import COLUMNS
from vaecli.runs.evaluation import Evaluated
from vaecli.runs.experiment import Experiment
from vaecli.runs.folder import RunFolder, run_path
from vaecli.runs.identity import protocol
from vaecli.runs.loaded_run import load_run
from vaecli.runs.reference_lm import train_reference_lm
from vaecli.runs.tables import write_tables
from vaecli.runs.trial import run_trial
from vaecli.settings.resolve import load_settings

LINES = ["a\tthe cat sat on the mat", "b\ta dog ran", "a\tthe dog sat", "b\ta cat ran on", "a\tthe mat ran"]


class Silent:
    def step(self, progress, terms):
        pass

    def evaluated(self, row):
        pass


def make_run(base, method, lines=LINES, **evaluation):
    data = base / "toy"
    data.mkdir(exist_ok=True)
    for name in ("train", "valid", "test"):
        (data / f"{name}.txt").write_text("\n".join(lines * 8) + "\n")
    sizes = {"embedding_size": 4, "encoder_size": 4, "decoder_size": 6, "latent_size": 2}
    training = {"epochs": 1, "batch_size": 8, "device": "cpu"}
    evaluation = {"iw_samples": 3, **evaluation}
    values = {"method": method, "corpus": {"data": str(data)}, "model": sizes, "training": training}
    folder = RunFolder(run_path(base, "toy", method, 0))
    folder.create(build_config({**values, "evaluation": evaluation}), command=[])
    with folder.lock():
        run_trial(folder, Silent())
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tmp_path_factory.mktemp("evaluate")


@pytest.fixture(scope="module")
def runs(base):
    """The folder of a run of each method; the experiment's tables are written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAE_CACHE", str(base / "cache"))
        folders = {method: make_run(base, method) for method in ("vanilla", "lm")}
    write_tables(base / "toy")
    return folders


def evaluate(folder, *words):
    result = CliRunner().invoke(app, ["evaluate", str(folder.path), *map(str, words)])
    if isinstance(result.exception, Exception):
        raise result.exception
    return result


def rows(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def row(base, method):
    return next(r for r in rows(base / "toy" / "results.csv") if r["method"] == method)


def test_the_columns_on_the_training(runs):
    # one epoch of 5 * 8 sentences in batches of 8
    figures = {method: folder.metrics()["values"] for method, folder in runs.items()}
    assert [figures[m]["epochs"] for m in figures] == [1, 1]
    assert [figures[m]["steps"] for m in figures] == [5, 5]
    assert (figures["vanilla"]["kl_weight"], figures["lm"]["kl_weight"]) == (1, None)


def test_figures_are_printed_and_join_those_of_the_run(runs, base):
    before = runs["vanilla"].metrics()
    result = evaluate(runs["vanilla"], "--decoder-use", "--probe")
    after = runs["vanilla"].metrics()
    assert {key: after[key] for key in before if key != "values"} == {k: v for k, v in before.items() if k != "values"}
    assert {key: after["values"][key] for key in before["values"]} == before["values"]
    added = set(after["values"]) - set(before["values"])
    assert {"z_gain_prior", "z_gain_zero_se", "probe_accuracy", "probe_bow"} <= added <= set(COLUMNS)
    assert after["probe"]["fields"]["label"]["classes"] == 2
    assert after["probe"]["version"] == 1
    assert f"{after['values']['z_gain_prior']:,.4f}" in result.stdout
    assert "measuring probe" in result.stderr
    assert float(row(base, "vanilla")["z_gain_prior"]) == pytest.approx(after["values"]["z_gain_prior"])
    assert row(base, "lm")["z_gain_prior"] == ""
    assert runs["vanilla"].run()["estimators"]["decoder_use"] == 1
    shown = CliRunner().invoke(app, ["report", str(base / "toy"), "--columns", "method,z_gain_prior,probe_bow"])
    assert shown.exit_code == 0, shown.exception
    assert "z_gain_prior" in shown.stdout


def test_more_importance_samples_change_those_figures_only(runs, base):
    before = runs["vanilla"].metrics()["values"]
    evaluate(runs["vanilla"], "--iw-samples", 40)
    after = runs["vanilla"].metrics()["values"]
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"iw_nll", "iw_nll_se", "iw_samples", "ppl_iw", "ppl_word"}
    assert (before["iw_samples"], after["iw_samples"]) == (3, 40)
    assert float(row(base, "vanilla")["iw_nll"]) == pytest.approx(after["iw_nll"])


def test_the_other_split_stays_out_of_the_tables(runs, base):
    before, table = runs["vanilla"].metrics()["values"], row(base, "vanilla")
    with pytest.raises(UsageError, match="its figures are of test already; name an evaluation"):
        evaluate(runs["vanilla"], "--split", "test", "--per-sentence", "--json")
    evaluation = json.loads(evaluate(runs["vanilla"], "--split", "valid", "--decoder-use", "--json").stdout)
    after = runs["vanilla"].metrics()
    assert after["values"] == before
    assert row(base, "vanilla") == table
    assert after["splits"]["valid"]["values"]["z_gain_zero"] == evaluation["values"]["z_gain_zero"]
    assert after["splits"]["valid"]["values"]["rec"] > 0
    assert evaluation["split"] == "valid"
    assert "position_nll" in evaluation["decoder_use"]
    evaluate(runs["vanilla"], "--split", "valid", "--gaps", "--sentences", 3, "-q")
    again = runs["vanilla"].metrics()["splits"]["valid"]
    assert again["gaps"]["sentences"] == 3
    assert "z_gain_zero" in again["values"]  # what was measured before stays


def test_the_table_of_the_game_with_a_language_model(runs):
    out = evaluate(runs["vanilla"], "--payoff", "--lm", runs["lm"].path).stdout
    assert "log p(x) is that of the language model" in out
    assert "the pure Nash" in out
    lm = runs["lm"].metrics()["values"]["iw_nll"]
    assert runs["vanilla"].metrics()["payoff"]["plain"]["independent_equal"]["payoff"] == pytest.approx(-lm)


def test_what_isnt_asked_for_is_as_in_the_settings_of_the_run(runs, tmp_path):
    """A run whose settings have a reference and a number of sentences is measured with both later too."""
    folder = make_run(tmp_path, "vanilla", reference=str(runs["lm"].path), sentences=7)
    assert "log p(x) is that of the language model" in evaluate(folder, "--payoff", "--samples").stdout
    own = folder.metrics()
    assert own["samples"]["samples"] == 7
    assert own["payoff"]["log_p"] == "log p(x) is that of the language model"
    evaluate(folder, "--samples", "--sentences", 9)
    assert folder.metrics()["samples"]["samples"] == 9
    config = (folder.path / "config.toml").read_text()
    (folder.path / "config.toml").write_text(config.replace(str(runs["lm"].path), str(tmp_path / "moved")))
    with pytest.warns(UserWarning, match="without a language model: the run's own evaluation.reference: .*--lm RUN"):
        evaluate(folder, "--payoff")
    for words in (["--probe"], ["--payoff", "--lm", runs["lm"].path]):
        evaluate(folder, *words)  # a warning would be an error


def test_text_scores_are_those_of_the_text_that_is_generated(runs):
    evaluate(runs["vanilla"], "--bleu", "--samples", "--sentences", 60, "--lm", runs["lm"].path)
    values = runs["vanilla"].metrics()["values"]
    run = load_run(runs["vanilla"].path)
    test = run.corpus.test
    words = reconstruct(run.model, scoring(test, 8), 6)
    assert values["exact_match"] == exact_match(words, sources(test))
    assert values["bleu"] == corpus_bleu(words, sources(test))
    drawn = [sentence.words for sentence in sample_prior(run.model, run.sampling(0), 60, 6)]
    assert values["unique_samples"] == unique_share(drawn)
    assert values["distinct_2"] == distinct(drawn, 2)
    reference = load_run(runs["lm"].path).model
    expected = split_perplexity(reference, scoring(as_split(drawn), 8))
    assert values["forward_ppl"] == pytest.approx(expected)
    without = evaluate(runs["vanilla"], "--samples", "--sentences", 4)
    assert "--lm RUN" in without.stdout


def test_reverse_perplexity_is_that_of_its_function(runs):
    evaluate(runs["vanilla"], "--reverse-ppl", "--sentences", 40)
    metrics = runs["vanilla"].metrics()
    run = load_run(runs["vanilla"].path)
    drawn = [
        sentence.words
        for sentence in sample_prior(run.model, run.sampling(0), 40, decoding_limit(run.corpus, run.corpus.test))
    ]
    reference = train_reference_lm(drawn, run.corpus, run.config, 0)
    expected = split_perplexity(reference, scoring(run.corpus.test, 8))
    assert metrics["values"]["reverse_ppl"] == expected
    assert metrics["reverse_ppl"]["samples"] == 40


def test_a_language_model_says_why_figures_are_missing(runs):
    result = evaluate(runs["lm"], "--decoder-use", "--gaps", "--probe", "--payoff")
    assert result.stdout.count("language model") == 4
    assert runs["lm"].metrics()["values"]["z_gain_prior"] is None


def test_extra_evaluations_of_a_trial_are_those_of_the_command(runs, base, tmp_path):
    evaluate(runs["vanilla"], "--decoder-use")
    folder = make_run(tmp_path, "vanilla", extra=("decoder_use", "gaps"))
    metrics, wanted = folder.metrics(), runs["vanilla"].metrics()
    assert metrics["decoder_use"] == wanted["decoder_use"]
    assert metrics["values"]["z_gain_prior"] == wanted["values"]["z_gain_prior"]
    assert metrics["values"]["amortisation_gap"] is not None
    assert metrics["estimators"]["gaps"] == folder.run()["estimators"]["gaps"] == 1


def test_every_evaluation_may_be_asked_for_in_the_settings(runs, base, tmp_path):
    settings = {"extra": tuple(BLOCKS), "reference": str(runs["lm"].path), "sentences": 20}
    metrics = make_run(tmp_path, "vanilla", **settings).metrics()
    assert set(BLOCKS) <= set(metrics)
    evaluate(runs["vanilla"], "--all", "--sentences", 20, "--lm", runs["lm"].path)
    wanted = runs["vanilla"].metrics()
    asked = {
        name for name, column in COLUMNS.items() if column.optional and not name.startswith(("excess", "iw", "ppl"))
    }
    assert asked <= set(metrics["values"])
    for name in asked - {"rec_se", "kl_se", "neg_elbo_se"}:
        assert metrics["values"][name] == wanted["values"][name], name
    assert metrics["payoff"]["log_p"] == "log p(x) is that of the language model"
    assert metrics["estimators"]["samples.reference"] == runs["vanilla"].run()["estimators"]["samples.reference"]


def test_a_wrong_reference_in_the_settings_is_refused_before_the_training(runs, tmp_path):
    with pytest.raises(UsageError, match="the reference has to be a run of method lm"):
        make_run(tmp_path, "bn", extra=("samples",), reference=str(runs["vanilla"].path))
    assert not RunFolder(run_path(tmp_path, "toy", "bn", 0)).checkpoint_path.exists()


@pytest.mark.parametrize("command", ["train", "compare"])
def test_a_reference_that_is_none_is_refused_before_any_work(runs, tmp_path, command):
    for path, said in ((str(runs["vanilla"].path), "a run of 'vanilla'"), (str(tmp_path), "there is no run")):
        words = [command, "--out", str(tmp_path / "out"), "--set", f"evaluation.reference={path}"]
        result = CliRunner().invoke(app, words)
        assert isinstance(result.exception, UsageError)
        assert said in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_figures_of_samples_of_other_sizes_are_never_averaged(runs, base):
    """Two seeds of one method, measured on different numbers of sentences, and again on the same."""
    twin = RunFolder(run_path(base, "toy", "vanilla", 1))
    shutil.copytree(runs["vanilla"].path, twin.path)
    settings = (twin.path / "config.toml").read_text()
    (twin.path / "config.toml").write_text(settings.replace("seed = 0", "seed = 1"))
    twin.update(seed=1)
    try:
        evaluate(runs["vanilla"], "--gaps", "--sentences", 5)
        evaluate(twin, "--gaps", "--sentences", 4)
        groups = [r for r in rows(base / "toy" / "summary.csv") if r["method"] == "vanilla"]
        assert [r["trials"] for r in groups] == ["1", "1"]
        assert all("gaps.sentences" in r["versions"] for r in groups)
        shown = CliRunner().invoke(app, ["report", str(base / "toy"), "--columns", "amortisation_gap"]).stdout
        assert "never averaged" in shown
        evaluate(twin, "--gaps", "--sentences", 5)
        assert [r["trials"] for r in rows(base / "toy" / "summary.csv") if r["method"] == "vanilla"] == ["2"]
    finally:
        shutil.rmtree(twin.path)
        write_tables(base / "toy")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing is asked for; give one of --dimensions"),
        ([], "--all, --per-sentence, --iw-samples or --split"),
        (["--probe", "--split", "tst"], "unknown split 'tst' (--split): did you mean 'test'?"),
        (
            ["--probe", "--sentences", "3"],
            "--sentences changes nothing here; it goes with --gaps or --reverse-ppl or --samples",
        ),
        (["--probe", "--lm", "somewhere"], "--lm changes nothing here; it goes with --payoff or --samples"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_loaded(tmp_path, words, said):
    with pytest.raises(UsageError) as caught:
        evaluate(RunFolder(tmp_path / "nothing"), *words)
    assert said in str(caught.value)


@pytest.mark.filterwarnings("ignore:.*best validation so far")
def test_a_run_that_is_not_done_is_refused(runs):
    runs["lm"].update(status="diverged")
    try:
        with pytest.raises(UsageError, match=r"the run is diverged; finish it first"):
            evaluate(runs["lm"], "--iw-samples", 3)
    finally:
        runs["lm"].update(status="done")


def test_nothing_new_is_nothing_to_measure(runs):
    with pytest.raises(UsageError, match="its figures are of test already; name an evaluation"):
        evaluate(runs["vanilla"], "--split", "test")


def test_a_reference_has_to_be_a_language_model(runs):
    with pytest.raises(UsageError, match="has to be a run of method lm"):
        evaluate(runs["vanilla"], "--payoff", "--lm", runs["vanilla"].path)


@pytest.mark.parametrize(("value", "words"), [("nan", "not a number"), ("inf", "infinite"), ("-inf", "infinite")])
def test_a_figure_that_is_not_finite_is_not_kept(runs, monkeypatch, value, words):
    before = runs["vanilla"].metrics()
    monkeypatch.setattr(
        "vaecli.metrics.extras.gaps.gaps_block", lambda block: BlockResult({"amortisation_gap": float(value)})
    )
    with pytest.raises(DivergedError, match=rf"amortisation_gap \(gaps\) is {words} on test"):
        evaluate(runs["vanilla"], "--gaps")
    assert runs["vanilla"].metrics() == before


def test_a_perplexity_may_overflow(runs, monkeypatch):
    monkeypatch.setattr(
        "vaecli.metrics.extras.gaps.gaps_block", lambda block: BlockResult({"forward_ppl": float("inf")})
    )
    evaluate(runs["vanilla"], "--gaps")
    assert runs["vanilla"].metrics()["values"]["forward_ppl"] == float("inf")


def test_extra_names_are_checked_with_the_settings():
    assert build_config({"evaluation": {"extra": "probe, gaps"}}).evaluation.extra == ("probe", "gaps")
    assert build_config({"evaluation": {"extra": ["gaps", "gaps"]}}).evaluation.extra == ("gaps",)
    with pytest.raises(UsageError) as caught:
        load_settings(sets=["evaluation.extra=prob"])
    assert "evaluation.extra: unknown evaluation 'prob': did you mean 'probe'?" in str(caught.value)
    with pytest.raises(UsageError, match=r"evaluation\.extra"):
        build_config({"evaluation": {"extra": 3}})


def test_numbers_of_labels_are_checked_with_the_settings():
    for counts in ("50, 5", [50, 5, 5], [5, 50]):
        assert build_config({"evaluation": {"probe_labels": counts}}).evaluation.probe_labels == (5, 50)
    assert load_settings(sets=["evaluation.probe_labels=7"]).config("bn", 0).evaluation.probe_labels == (7,)
    assert load_settings(sets=["evaluation.probe_labels=5,7"]).config("bn", 0).evaluation.probe_labels == (5, 7)
    for wrong in ("5,x", [0], [True], [2.5]):
        with pytest.raises(UsageError, match=r"evaluation\.probe_labels"):
            build_config({"evaluation": {"probe_labels": wrong}})


def test_numbers_of_labels_are_no_part_of_the_protocol():
    one, other = (
        build_config({"evaluation": {"probe_labels": labels}}).model_dump(mode="json") for labels in ([5], [5, 50])
    )
    assert protocol(one, {}, {}) == protocol(other, {}, {})


def test_every_evaluation_has_an_option_and_a_function():
    options = CliRunner().invoke(app, ["evaluate", "--help"], env={"COLUMNS": "200"}).stdout
    for name in BLOCKS:
        assert "--" + name.replace("_", "-") in options
        assert callable(blocks.load_block(name))
    assert set(BLOCKS) >= blocks.SAMPLED | blocks.REFERENCED
    assert set(blocks.VERSIONS) == set(BLOCKS)


def test_an_experiment_goes_on_with_the_extra_evaluations_it_was_made_with(tmp_path):
    file = tmp_path / "exp.toml"
    file.write_text('methods = ["bn"]\n[evaluation]\nextra = ["gaps", "probe"]\n')
    first = Experiment.of(load_settings(file, experiment="exp"), tmp_path)
    with first.lock():
        first.prepare(first.trials())
    again = Experiment.of(load_settings(file, experiment="exp"), tmp_path)
    again.check()
    assert RunFolder(again.trials()[0].path).config().evaluation.extra == ("gaps", "probe")
    file.write_text('methods = ["bn"]\n[evaluation]\nextra = ["gabs"]\n')
    with pytest.raises(
        UsageError, match=r"exp\.toml:3: evaluation\.extra: unknown evaluation 'gabs': did you mean 'ga"
    ):
        load_settings(file)


def test_what_was_measured_is_shown_before_it_is_stored(base, monkeypatch):
    """A disk that is full costs the storing, not the measuring."""
    (base / "full").mkdir()
    folder = make_run(base / "full", "vanilla")

    def full(self, metrics):
        raise DataError("metrics.json: can't write 5 bytes: No space left on device")

    monkeypatch.setattr(RunFolder, "write_metrics", full)
    result = CliRunner().invoke(app, ["evaluate", str(folder.path), "--iw-samples", "7"])
    assert "iw_nll " in result.stdout
    assert isinstance(result.exception, DataError)
    assert "measured and shown, but kept nowhere: metrics.json: can't write" in str(result.exception)


def test_a_word_can_not_steer_the_terminal(capsys):
    show(
        Evaluated("test", results={"bleu": BlockResult({}, {}, ("most remembered: \x1b[2Jcat 0.100",))}), as_json=False
    )
    assert capsys.readouterr().out == "most remembered: \\x1b[2Jcat 0.100\n"
