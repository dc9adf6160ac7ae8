"""The ladder: one exam for all rungs, the threshold never sees it, and the record can be reproduced."""

import dataclasses
from itertools import combinations

import pytest
import torch

from helpers import data, group, ladder, losses
from helpers.ladder import RUNGS, Rung
from helpers.sweep import recorded

pytestmark = pytest.mark.usefixtures("one_thread")

SEEDS = range(5)
# Cheap rows, one of each kind: seconds each. The first has no training at all, so hardly anything can drift.
AGAIN = [
    ("untrained", 0, 0.002),
    ("the group's run", 1, 0.01),
    ("real data", 2, 0.01),
    ("supcon", 3, 0.01),
    ("scale and bias", 4, 0.01),
    ("signal and variety, 10 updates", 0, 0.01),
    ("+ batch norm", 1, 0.03),
]


@pytest.fixture(scope="module")
def record():
    return {(row["settings"]["rung"], row["seed"]): row for row in recorded("ladder")}


# --- the exam --------------------------------------------------------------------------------------


def test_held_out_pairs_are_balanced_and_from_their_own_split():
    for split in ("validation", "test"):
        images, pairs, same = ladder.held_out(split)
        labels = data.digits(split)[1]
        assert images.shape == (500, 3, 32, 32)
        assert len(pairs) == len(same) == ladder.PAIRS >= 2000
        assert same.sum() == ladder.PAIRS // 2
        assert torch.equal((labels[pairs[:, 0]] == labels[pairs[:, 1]]).long(), same)
    assert not torch.equal(ladder.held_out("validation")[0], ladder.held_out("test")[0])


def test_threshold_does_not_see_the_test_labels(monkeypatch):
    network = ladder.climb(Rung(updates=0), 0).network
    before = ladder.judge(network)
    exam = {split: ladder.held_out(split) for split in ("validation", "test")}
    exam["test"] = (*exam["test"][:2], 1 - exam["test"][2])
    monkeypatch.setattr(ladder, "held_out", exam.get)
    after = ladder.judge(network)
    assert after.threshold == before.threshold
    assert after.accuracy == pytest.approx(1 - before.accuracy)


@pytest.mark.parametrize("encoder", ["group", "batch norm"])  # the second one's embeddings are no unit vectors
def test_pair_cosines_are_those_of_the_pairs(encoder):
    network = ladder._start(Rung(encoder=encoder), 0)[0].eval()
    images, pairs, _ = ladder.held_out("test")
    with torch.no_grad():
        some = torch.cosine_similarity(network(images[pairs[:5, 0]]), network(images[pairs[:5, 1]]))
    assert torch.allclose(ladder.pair_cosines(network, "test")[:5], some, atol=1e-5)


# --- the rungs -------------------------------------------------------------------------------------


def test_the_first_rung_is_the_groups_run():
    climbed, theirs = ladder.climb(RUNGS["the group's run"], 3), group.run(3)
    assert torch.allclose(climbed.losses, theirs.losses, atol=1e-4)


def test_same_seed_same_start_and_same_pictures():
    plain, source = ladder._start(RUNGS["+ margin"], 5)
    deeper, deeper_source = ladder._start(RUNGS["+ deeper"], 5)
    scaled, _ = ladder._start(RUNGS["+ scale and bias"], 5)
    first = plain.body[0].weight
    assert torch.equal(first, scaled.encoder.body[0].weight)
    assert not torch.equal(first, ladder._start(RUNGS["+ margin"], 6)[0].body[0].weight)
    pictures, same = ladder._sampler(RUNGS["+ margin"], source)()
    again, same_again = ladder._sampler(RUNGS["+ deeper"], deeper_source)()
    assert torch.equal(pictures, again)
    assert torch.equal(same, same_again)
    assert len(list(deeper.parameters())) > len(list(plain.parameters()))


def test_only_fresh_rungs_draw_again():
    for fresh in (False, True):
        sample = ladder._sampler(Rung(data="digits", fresh=fresh), torch.Generator().manual_seed(0))
        assert torch.equal(sample()[0], sample()[0]) != fresh


def test_labels_of_a_batch_belong_to_its_pictures():
    images, labels = data.digits("train")
    images = data.rgb32(images)
    class_of = {picture.numpy().tobytes(): int(label) for picture, label in zip(images, labels, strict=True)}
    for rung in (RUNGS["+ supcon"], RUNGS["signal and variety"]):
        pictures, target = ladder._sampler(rung, torch.Generator().manual_seed(0))()
        classes = torch.tensor([class_of[picture.numpy().tobytes()] for picture in pictures])
        assert len(pictures) == 2 * rung.batch
        expected = classes if rung.grouped else (classes[: rung.batch] == classes[rung.batch :]).long()
        assert torch.equal(target, expected)


def test_augmentation_changes_pictures_and_keeps_targets():
    plain, moved = (
        ladder._sampler(Rung(data="digits", augment=strength), torch.Generator().manual_seed(0))()
        for strength in (0.0, 0.5)
    )
    assert torch.equal(plain[1], moved[1])
    assert (plain[0] - moved[0]).abs().mean() > 0.01


def test_climbing_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    ladder.climb(Rung(updates=1, batch=2), 3)
    assert torch.equal(before, torch.get_rng_state())


def test_judges_at_the_steps_asked_for_and_at_the_end(monkeypatch):
    monkeypatch.setattr(ladder, "judge", lambda network: "judged")  # when, not how
    climbed = ladder.climb(Rung(updates=4, finish=1, batch=2), 0, every=2)
    assert climbed.steps == [0, 2, 4, 5]
    assert climbed.judgements == ["judged"] * 4
    assert climbed.losses.shape == (5,)
    assert ladder.climb(Rung(updates=2, batch=2), 0, every=2).steps == [0, 2]
    assert ladder.climb(Rung(updates=2, batch=2), 0).steps == [2]
    assert ladder.climb(Rung(updates=0), 0, every=2).steps == [0]


# --- the losses ------------------------------------------------------------------------------------


def embed_as_given(rung: Rung, embeddings: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    network = torch.nn.Identity()
    network = ladder.Scaled(network) if rung.loss == "scale and bias" else network
    return ladder._loss(rung, network, embeddings, target).detach()


@pytest.mark.parametrize("loss", ["bare cosine", "scale and bias", "margin"])
def test_pair_losses_agree_with_loops(loss):
    source = torch.Generator().manual_seed(0)
    embeddings = torch.randn(8, 5, generator=source)
    unit = embeddings / embeddings.norm(dim=1, keepdim=True)

    def one(a, b, same):
        cosine = float(unit[a] @ unit[b])
        if loss == "margin":
            distance = float((unit[a] - unit[b]).norm())
            return distance**2 if same else max(0.0, ladder.MARGIN - distance) ** 2
        logit = cosine if loss == "bare cosine" else ladder.SCALE * cosine + ladder.BIAS
        return float(torch.nn.functional.softplus(torch.tensor(-logit if same else logit)))

    same = torch.tensor([1, 0, 0, 1])
    by_hand = sum(one(k, 4 + k, bool(same[k])) for k in range(4)) / 4
    assert float(embed_as_given(Rung(loss=loss), embeddings, same)) == pytest.approx(by_hand, abs=1e-5)

    classes = torch.tensor([0, 1, 2, 0, 1, 1, 0, 2])
    values = {True: [], False: []}
    for a, b in combinations(range(8), 2):
        kind = bool(classes[a] == classes[b])
        values[kind].append(one(a, b, kind))
    by_hand = sum(sum(kind) / len(kind) for kind in values.values()) / 2
    every = embed_as_given(Rung(loss=loss, all_pairs=True), embeddings, classes)
    assert float(every) == pytest.approx(by_hand, abs=1e-5)


def test_supcon_and_penalty():
    source = torch.Generator().manual_seed(0)
    embeddings, classes = torch.randn(8, 5, generator=source), torch.arange(8) % 3
    value = embed_as_given(Rung(loss="supcon"), embeddings, classes)
    assert torch.equal(value, losses.sup_con(embeddings, classes, ladder.TEMPERATURE))
    layer = torch.nn.Linear(5, 5)
    target = torch.tensor([0, 1, 0, 1])
    plain = ladder._loss(Rung(), layer, embeddings, target)
    more = ladder._loss(Rung(penalty=0.5), layer, embeddings, target)
    squares = sum(float(weight.detach().square().sum()) for weight in layer.parameters())
    assert float((more - plain).detach()) == pytest.approx(0.5 * squares, rel=1e-4)


# --- the record ------------------------------------------------------------------------------------


def test_record_is_whole_and_of_these_settings(record):
    assert set(record) == {(name, seed) for name in RUNGS for seed in SEEDS}
    for (name, _), row in record.items():
        assert row["error"] is None
        assert row["settings"] == ladder.settings(name), f"{name} was recorded with other settings: record it again"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "seed", "drift"), AGAIN)
def test_cheap_rows_come_out_again(record, name, seed, drift):
    old, new = record[name, seed]["metrics"], ladder.run(seed, **ladder.settings(name))
    for metric in ("accuracy", "at_zero", "validation"):
        assert new[metric] == pytest.approx(old[metric], abs=drift)
    if old["first_loss"] is not None:
        assert new["first_loss"] == pytest.approx(old["first_loss"], abs=1e-4)


def test_settings_make_the_rung_again():
    for name, rung in RUNGS.items():
        setting = ladder.settings(name)
        assert setting.pop("rung") == name
        setting.pop("every")
        assert Rung(**setting) == rung
        assert dataclasses.asdict(rung) == setting
