"""Whatever trials differ in besides backend, threads and seed is named, in the shortest way that tells them apart."""

from types import SimpleNamespace

from conftest import SCRIPTS  # noqa: F401, puts the scripts on the path
from stepbench_report.arms import Variants
from stepbench_report.conditions import Conditions

MLP = {"experiment.name": "digits", "dataset.kind": "mnist", "dataset.path": "a", "model.kind": "mlp",
       "model.layers": [784, 10], "training.batch_size": 32, "training.learning_rate": 0.1, "measure.rounds": 12}  # fmt: skip
TEXT = {"experiment.name": "novel", "dataset.kind": "text", "dataset.path": "b", "model.kind": "transformer",
        "model.d_model": 64, "training.batch_size": 16, "training.learning_rate": 0.1, "measure.rounds": 12}  # fmt: skip


def trial(settings: dict, digest: str = "d1", **changes: object) -> SimpleNamespace:
    changed = {key.replace("__", "."): value for key, value in changes.items()}
    return SimpleNamespace(settings=settings | changed, attrs={"dataset_digest": digest})


def names(*files: list[SimpleNamespace]) -> list[str]:
    conditions = Conditions(files)
    return [conditions[one] for of_file in files for one in of_file]


def test_one_condition_needs_no_name() -> None:
    assert names([trial(MLP), trial(MLP)]) == ["", ""]


def test_what_a_run_that_went_on_keeps_in_another_way_is_no_condition() -> None:
    kept = [trial(MLP, record__checkpoint_every=every) for every in ("10 min", "1 min")]
    assert names(kept) == ["", ""]


def test_what_is_swept_is_the_name() -> None:
    sizes = [trial(MLP, training__batch_size=size) for size in (32, 64)]
    assert names(sizes) == ["batch size 32", "batch size 64"]


def test_experiments_of_different_data_and_models_are_called_by_their_names() -> None:
    assert names([trial(MLP)], [trial(TEXT, "d2")]) == ["digits", "novel"]


def test_what_such_an_experiment_sweeps_is_added() -> None:
    sizes = [trial(MLP, training__batch_size=size) for size in (32, 64)]
    assert names(sizes, [trial(TEXT, "d2")]) == ["digits, batch size 32", "digits, batch size 64", "novel"]


def test_kinds_swept_in_one_file_are_told_apart() -> None:
    one = [trial(MLP), trial(MLP, "d2", dataset__kind="blobs")]
    assert names(one) == ["digits, dataset.kind mnist", "digits, dataset.kind blobs"]
    models = [trial(TEXT), trial(TEXT, model__kind="mlp")]
    assert names(models) == ["novel, model.kind transformer", "novel, model.kind mlp"]


def test_experiments_of_one_name_in_two_files_are_told_apart() -> None:
    found = names([trial(MLP)], [trial(TEXT, "d2", experiment__name="digits")])
    assert found[0] != found[1] and "dataset.kind mnist" in found[0] and "dataset.kind text" in found[1]


def test_two_names_of_one_experiment_are_one_condition() -> None:
    same = [trial(MLP)], [trial(MLP, experiment__name="again", dataset__path="elsewhere", measure__rounds=40)]
    assert len(set(names(*same))) == 1
    assert len(set(names(*same, [trial(TEXT, "d2")]))) == 2


def test_where_threads_are_held_is_no_condition_but_part_of_the_arm() -> None:
    def pinned(pin: dict[str, str], backend: str = "tbb") -> SimpleNamespace:
        one = trial(MLP, **pin)
        return SimpleNamespace(settings=one.settings, attrs=one.attrs | {"backend": backend})

    swept = [pinned({"measure__pin": pin}) for pin in ("none", "compact")]
    assert names(swept) == ["", ""]
    variants = Variants(swept)
    assert [variants[one] for one in swept] == ["tbb, pin none", "tbb, pin compact"]
    older_or_peer = [pinned({"measure__pin": "auto"}), pinned({}, "torch")]
    assert [Variants(older_or_peer)[one] for one in older_or_peer] == ["tbb", "torch"]


def test_other_data_of_the_same_kind_are_another_condition() -> None:
    assert names([trial(MLP), trial(MLP, "d2", dataset__path="b")]) == ["data a", "data b"]
    assert names([trial(MLP)], [trial(MLP, "e5ffee00aa")]) == ["data d1", "data e5ffee00"]


def test_a_setting_that_some_lack_is_named() -> None:
    clipped = trial(MLP, training__gradient_clip=1.0)
    assert names([trial(MLP)], [clipped]) == ["no gradient clip", "gradient clip 1"]


def test_how_it_was_measured_counts_where_a_file_sweeps_it() -> None:
    rounds = [trial(MLP, measure__rounds=count) for count in (8, 40)]
    assert names(rounds) == ["rounds 8", "rounds 40"]
    assert names(rounds[:1], rounds[1:]) == ["", ""]


def test_values_that_look_alike_are_told_apart() -> None:
    rates = [trial(MLP, training__learning_rate=rate) for rate in (0.1, 0.10000001)]
    assert names(rates) == ["learning rate 0.1", "learning rate 0.10000001"]


def test_settings_of_one_name_in_two_sections_are_spelled_in_full() -> None:
    steps = [trial(MLP, training__warmup_steps=steps, measure__warmup_steps=2) for steps in (0, 10)]
    assert names(steps) == ["training.warmup steps 0", "training.warmup steps 10"]
    seeds = [trial(MLP, f"d{seed}", dataset__seed=seed) for seed in (1, 2)]
    assert names(seeds) == ["dataset.seed 1", "dataset.seed 2"]
