"""Bad arguments: every public function says which one, what came and what it expects, with a `ValueError`.

The table has one row per function: arguments that work, then pairs of an argument and a value that must be refused.
"""

import importlib
import inspect
import math
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import matplotlib

matplotlib.use("Agg")
import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import helpers
from helpers import (
    claims,
    data,
    ebgan_digits,
    energies_at_work,
    flexibility,
    group,
    ladder,
    levels,
    losses,
    metrics,
    models,
    plots,
    repelling,
    sampling,
    seed,
    sequences,
    stability,
    sweep,
    syllables,
    train,
    widgets,
)

NAN, INF = math.nan, math.inf
SOURCE = torch.Generator().manual_seed(0)
RING = data.ring()
ROWS = torch.rand(6, 3, generator=SOURCE)
PICTURES = torch.zeros(2, 1, 28, 28)
NETWORK = models.mlp((2, 1), scalar=True)
AX = Figure().add_subplot()
GAME = train.make_game(models.mlp((2, 2)), NETWORK)
NOT_A_COUNT = [0, -1, 1.5, "2", True, None]
NOT_POSITIVE = [0, -1.0, NAN, INF, "1", True, None]
NOT_LOGITS = [
    torch.tensor([NAN]),
    torch.tensor([INF, 0]),
    torch.zeros(0),
    torch.tensor(1.0),
    torch.zeros(2, 2, 2),
    torch.zeros(2, dtype=torch.long),
    [0.0, 1.0],
    np.zeros(2),
    None,
]
NOT_ROWS = [torch.zeros(3), torch.zeros(0, 3), torch.full((4, 3), NAN), torch.ones(4, 3).int(), [[0.0]], None]
NOT_A_SOURCE = [None, 3, [], [SOURCE, 3], np.random.default_rng(0)]
NOT_PICTURES = [
    torch.zeros(2, 28, 28),
    torch.zeros(0, 1, 28, 28),
    torch.full((1, 1, 28, 28), NAN),
    torch.zeros(1, 3, 28, 28),
    None,
]


@dataclass
class Row:
    """A function, arguments that it takes, and values that it must refuse, by argument."""

    function: Callable[..., Any]
    good: dict[str, Any]
    bad: dict[str, list[Any]]


def row(function: Callable[..., Any], good: dict[str, Any], **bad: list[Any]) -> Row:
    return Row(function, good, bad)


SEEDS = [
    row(seed.seed_everything, {"seed": 0}, seed=[-1, 2**32, 1.0, "a", None, True], threads=NOT_A_COUNT),
    row(seed.generators, {"seeds": [0]}, seeds=[[], 5, None]),
]
DATA = [
    row(
        data.Mixture,
        {"centers": ROWS, "std": 0.1},
        centers=NOT_ROWS,
        std=NOT_POSITIVE,
    ),
    row(RING.sample, {"n": 3, "generator": SOURCE}, n=NOT_A_COUNT, generator=NOT_A_SOURCE),
    row(RING.log_prob, {"x": ROWS[:, :2]}, x=[ROWS, torch.zeros(0, 2), torch.tensor([NAN, 0]), [0.0, 0.0], None]),
    row(
        data.noise,
        {"n": 3, "d": 2, "generator": SOURCE},
        n=NOT_A_COUNT,
        d=NOT_A_COUNT,
        generator=NOT_A_SOURCE,
    ),
    row(data.ring, {}, modes=NOT_A_COUNT, radius=NOT_POSITIVE, std=NOT_POSITIVE),
    row(data.grid, {}, side=[1, *NOT_A_COUNT], width=NOT_POSITIVE, std=NOT_POSITIVE),
    row(data.digits, {"split": "test"}, split=["val", "", 0, None, ["test"]]),
    row(
        data.hangul,
        {"split": "test_seen_fonts", "fold": 2},
        split=["val", "_seen_fonts", "train_seen_fonts", 0, None, ["test"]],
        fold=[-1, 3, 1.0, "0", True, None],
    ),
    row(data.load, {}, name=["MNIST", "", None, 3], split=["val", None]),
]
# A set or a folder that is not there raises FileNotFoundError, so these have no arguments that work.
NOTHING_WORKS = {
    data.load: {"name": "mnist", "split": "test", "root": "nowhere"},
    sweep.sweep: {"store": "nowhere/store.jsonl"},
    sweep.load: {"store": "nowhere/store.jsonl"},
    sweep.recorded: {},  # good names depend on what was recorded
}
LOSSES = [
    row(
        losses.gan_d_loss,
        {"real_logits": torch.zeros(2, 3), "fake_logits": torch.zeros(2, 4)},
        real_logits=NOT_LOGITS,
        fake_logits=[torch.zeros(4), torch.zeros(3, 3), torch.zeros(1, 4), *NOT_LOGITS],
    ),
    row(losses.gan_g_loss, {"fake_logits": torch.zeros(3)}, fake_logits=NOT_LOGITS),
]
MODELS = [
    row(
        models.BatchedLinear,
        {"in_features": 2, "out_features": 3, "sources": [SOURCE]},
        in_features=NOT_A_COUNT,
        out_features=NOT_A_COUNT,
        sources=[[]],
    ),
    row(
        models.BatchedLinear(2, 3, [SOURCE, SOURCE]).forward,
        {"x": torch.zeros(2, 5, 2)},
        x=[torch.zeros(5, 2), torch.zeros(1, 5, 2), torch.zeros(2, 5, 3)],
    ),
    row(
        models.mlp,
        {"sizes": (2, 1)},
        sizes=[(), (2,), (2, 0), (2, 1.5), (2, -1, 1), 5, None, "ab"],
        seeds=[[], 5],
    ),
    row(models.mlp, {"sizes": (2, 1), "scalar": True}, sizes=[(2, 3)]),
    row(
        models.Generator,
        {},
        latent=NOT_A_COUNT,
        hidden=NOT_A_COUNT,
        channels=[(1,), (1, 2, 3), (0, 1), (1, 1.5), 5, None],
    ),
    row(
        models.Generator(latent=4, hidden=4).forward,
        {"z": torch.zeros(2, 4)},
        z=[torch.zeros(2, 3), torch.zeros(4), torch.zeros(1, 2, 4)],
    ),
    row(models.Discriminator, {}, channels=[(1,), (1, 2, 3), (0, 1), (1, 1.5), 5, None], hidden=NOT_A_COUNT),
    row(
        models.Discriminator().forward,
        {"x": PICTURES},
        x=[PICTURES[0], torch.zeros(2, 3, 28, 28), PICTURES[..., :27]],
    ),
    row(models.DigitClassifier().forward, {"x": PICTURES}, x=[PICTURES[0], torch.zeros(2, 1, 32, 32)]),
    row(models.DigitClassifier().features, {"x": PICTURES}, x=[PICTURES[0], torch.zeros(2, 1, 32, 32)]),
]
TRAIN = [
    row(
        train.make_game,
        {"generator": models.mlp((2, 2)), "discriminator": NETWORK},
        generator=[None, torch.zeros(2), models.mlp],
        discriminator=[None, "mlp"],
        lr=NOT_POSITIVE,
        d_lr=NOT_POSITIVE[:-1],  # None is the default: the generator's rate
        betas=[0.5, (0.5,), (0.5, 0.9, 0.9), (-0.1, 0.9), (0.5, 1.0), (NAN, 0.9), None],
    ),
    row(
        train.fit,
        {
            "game": GAME,
            "sample_real": lambda: torch.zeros(2, 2),
            "sample_noise": lambda: torch.zeros(2, 2),
            "steps": 1,
            "device": "cpu",
        },
        steps=NOT_A_COUNT,
        d_steps=NOT_A_COUNT,
        g_steps=NOT_A_COUNT,
        every=NOT_A_COUNT,
    ),
    row(train.side_by_side, {"tasks": [lambda: 1]}, tasks=[[], ()], workers=NOT_A_COUNT),
]
PLANE = ROWS[:, :2]
NOT_A_LEVEL = [0, 1, -0.5, 95, NAN, "0.95", None]
METRICS = [
    row(metrics.nearest_mode, {"samples": PLANE, "mixture": RING}, samples=[ROWS, *NOT_ROWS], widths=NOT_POSITIVE),
    row(
        metrics.modes_covered,
        {"samples": PLANE, "mixture": RING},
        samples=[ROWS, *NOT_ROWS],
        share=[*NOT_POSITIVE, 1.01],
        widths=NOT_POSITIVE,
    ),
    row(
        metrics.sample_precision, {"samples": PLANE, "mixture": RING}, samples=[ROWS, *NOT_ROWS], widths=NOT_POSITIVE
    ),
    row(metrics.digit_features, {"images": PICTURES}, images=[*NOT_PICTURES, PICTURES[..., :27]]),
    row(metrics.digit_probabilities, {"images": PICTURES}, images=[*NOT_PICTURES, PICTURES[..., :27]]),
    row(metrics.frechet_distance, {"a": ROWS, "b": ROWS}, a=[ROWS[:1], *NOT_ROWS], b=[ROWS[:1], PLANE, *NOT_ROWS]),
    row(
        metrics.inception_score,
        {"probabilities": torch.eye(3)},
        probabilities=[torch.ones(4, 3), torch.tensor([[1.5, -0.5]]), torch.zeros(4, 3), *NOT_ROWS],
    ),
    row(
        metrics.effective_number,
        {"labels": torch.tensor([0, 1])},
        labels=[torch.zeros(0, dtype=torch.long), torch.ones(3), torch.ones(2, 2, dtype=torch.long), [0, 1], None],
    ),
    row(
        metrics.precision_recall,
        {"real": ROWS, "fake": ROWS},
        real=[ROWS[:3], *NOT_ROWS],
        fake=[ROWS[:3], PLANE, *NOT_ROWS],
        neighbours=NOT_A_COUNT,
    ),
    row(
        metrics.jensen_shannon,
        {"p": ROWS, "q": ROWS, "cell": 0.1},
        p=[-ROWS, torch.full((6, 3), NAN), None],
        q=[-ROWS, PLANE, ROWS[0], torch.full((6, 3), INF), None],
        cell=NOT_POSITIVE,
    ),
    row(
        metrics.t_interval,
        {"values": ROWS[0]},
        values=[torch.ones(1), torch.ones(0), ROWS, torch.tensor([1, 2]), torch.tensor([NAN, 1]), [1.0, 2.0], None],
        level=NOT_A_LEVEL,
    ),
    row(
        metrics.wilson_interval,
        {"successes": 3, "n": 5},
        successes=[-1, 6, 2.0, True, None],
        n=NOT_A_COUNT,
        level=NOT_A_LEVEL,
    ),
]
NOT_POINTS = [ROWS, *NOT_ROWS[:-1]]  # None draws nothing
PLOTS = [
    row(plots.figure, {}, columns=NOT_A_COUNT, rows=NOT_A_COUNT, height=NOT_POSITIVE),
    row(
        plots.samples,
        {"ax": AX, "real": PLANE, "fake": None},
        real=NOT_POINTS,
        fake=NOT_POINTS,
        limit=NOT_POSITIVE,
    ),
    row(plots.lattice, {}, limit=NOT_POSITIVE, side=[1, *NOT_A_COUNT]),
    row(plots.surface, {"ax": AX, "values": torch.zeros(3, 3)}, values=[ROWS, *NOT_ROWS], limit=NOT_POSITIVE),
    row(plots.picture_grid, {"ax": AX, "images": PICTURES}, images=NOT_PICTURES, columns=NOT_A_COUNT),
    row(
        plots.runs,
        {"ax": AX, "steps": [0, 1], "values": torch.zeros(2, 3), "color": "k", "label": "real"},
        values=[torch.zeros(3, 2), *NOT_ROWS],
    ),
]
STUDIES = [
    row(sweep.grid, {"lists": [1]}, lists=[[], (), "ab", 3, None]),
    row(
        sweep.sweep,
        {"run": row, "settings": [{"lr": 0.1}], "seeds": [0]},
        run=[None, 3, "row", lambda seed: {}, print, Row],
        settings=[[], 3, None, ["a"], [{1: 2}], [{"seed": 1}], [{"a": NAN}], [{"a": (1,)}], [{"a": 1}, {"a": 1}]],
        seeds=[[], 5, None, [0, 0]],
        store=["", None, 3],
        workers=NOT_A_COUNT,
        cluster=["", "here", "tcp://here", 8786, ["here:8786"]],
    ),
    row(sweep.load, {}, store=["", None, 3]),
    row(sweep.recorded, {}, name=["nowhere", "", "../pyproject", None, 3, ["a"]]),
    row(sweep.select, {"rows": [{"settings": {"lr": 0.1}, "seed": 0}]}, where=[3, "lr"]),
]
FRAMES = [np.zeros((4, 4)), np.ones((4, 4))]
OTHERS = [
    row(
        claims.claim,
        {"text": "a", "holds": True, "measured": "b"},
        text=["", "  ", None, 3],
        holds=[1, "yes", None, [True], np.array([True, False])],
        measured=["", 0.3, None],
    ),
    row(
        widgets.scrub,
        {"frames": FRAMES, "alt": "a square", "label": "Step"},
        frames=[[], FRAMES[:1], [*FRAMES, np.zeros((4, 5))], [*FRAMES, b"no picture"], [*FRAMES, np.zeros(4)]],
        alt=["", ["one"], 3, ["one", ""], None],
        label=["", " ", 3, None],
        captions=[["one"], "ab", ["one", 2]],
        fps=[*NOT_POSITIVE, 61],
    ),
    row(widgets.explore, {"function": lambda noise: noise, "noise": (0, 1)}, sliders=[{}]),
]
GROUP = [
    row(
        group.run,
        {"seed": 0, "steps": 1, "n_train": 2, "n_test": 1},
        seed=[-1, 2**32, 1.0, "a", None, True],
        steps=NOT_A_COUNT,
        n_train=NOT_A_COUNT,
        n_test=NOT_A_COUNT,
        lr=NOT_POSITIVE,
    )
]
ENERGIES = torch.zeros(2, 3)
LABELS = torch.tensor([0, 1, 0, 1, 2, 2])
SAME = torch.tensor([0, 1, 0, 1, 1, 0])
NOT_LABELS = [LABELS[:5], LABELS.float(), LABELS.reshape(2, 3), [0, 1, 0, 1, 2, 2], None]
NOT_SAME = [SAME[:5], SAME + 1, torch.full((6,), 0.5), torch.full((6,), NAN), SAME.tolist(), None]
NOT_PARTNERS = [ROWS[:5], ROWS[:, :2], *NOT_ROWS]
NOT_A_TEMPERATURE = [*NOT_POSITIVE, [0.1]]
CONTRAST = [
    row(
        losses.ebgan_d_loss,
        {"real_energy": ENERGIES, "fake_energy": ENERGIES, "margin": 1.0},
        real_energy=NOT_LOGITS,
        fake_energy=[torch.zeros(4), torch.zeros(3, 3), *NOT_LOGITS],
        margin=NOT_POSITIVE,
    ),
    row(losses.ebgan_g_loss, {"fake_energy": ENERGIES}, fake_energy=NOT_LOGITS),
    row(losses.pull_away, {"codes": ROWS}, codes=[ROWS[:1], torch.zeros(1, 1, 2, 3), *NOT_ROWS]),
    row(
        losses.pair_margin_loss,
        {"distance": ROWS[:, 0], "same": SAME, "margin": 1},
        distance=[-ROWS[:, 0], ROWS, torch.tensor([NAN]), torch.zeros(0), SAME, None],
        same=NOT_SAME,
        margin=NOT_POSITIVE,
    ),
    row(
        losses.triplet_loss,
        {"anchor": ROWS, "positive": ROWS, "negative": ROWS, "margin": 1},
        anchor=NOT_ROWS,
        positive=NOT_PARTNERS,
        negative=NOT_PARTNERS,
        margin=NOT_POSITIVE,
    ),
    row(
        losses.cosine_bce,
        {"a": ROWS, "b": ROWS, "same": SAME},
        a=NOT_ROWS,
        b=NOT_PARTNERS,
        same=NOT_SAME,
        scale=[NAN, INF, "1", True, None, torch.ones(2)],
        bias=[NAN, INF, "1", True, None, torch.ones(2)],
    ),
    row(
        losses.nt_xent,
        {"a": ROWS, "b": ROWS, "temperature": 0.5},
        a=NOT_ROWS,
        b=NOT_PARTNERS,
        temperature=NOT_A_TEMPERATURE,
    ),
    row(
        losses.sup_con,
        {"embeddings": ROWS, "labels": LABELS, "temperature": 0.5},
        embeddings=NOT_ROWS,
        labels=[torch.arange(6), *NOT_LABELS],
        temperature=NOT_A_TEMPERATURE,
    ),
    row(data.rgb32, {"images": PICTURES}, images=[*NOT_PICTURES, PICTURES[..., :27]]),
    row(
        data.pairs,
        {"labels": LABELS, "n": 4, "generator": SOURCE},
        labels=[torch.zeros(6, dtype=int), torch.tensor([0, 0, 1]), LABELS[:0], *NOT_LABELS[1:]],
        n=[1, 3, *NOT_A_COUNT],
        generator=[None, 3, [SOURCE]],
    ),
    row(
        data.augment,
        {"images": PICTURES, "generator": SOURCE},
        images=[torch.zeros(2, 28, 28), torch.zeros(0, 1, 28, 28), torch.full((1, 1, 28, 28), NAN), None],
        generator=[None, 3, [SOURCE]],
        degrees=[-1, 181, NAN, "1", None],
        scale=[-0.1, 1, NAN, "1", None],
        shift=[-0.1, 1, NAN, "1", None],
        shear=[-0.1, 1, NAN, "1", None],
        strength=[-0.1, 1.1, NAN, "1", None],
    ),
    row(data.two_views, {"images": PICTURES, "generator": SOURCE}, images=[None], generator=[None, 3]),
    row(models.StudyGroupEncoder, {}, dim=NOT_A_COUNT, kernel=[2, *NOT_A_COUNT], extra=[-1, 4, 1.5, None]),
    row(models.StudyGroupEncoder(2).forward, {"x": torch.zeros(2, 3, 32, 32)}, x=[PICTURES, torch.zeros(3, 32, 32)]),
    row(
        models.Encoder,
        {},
        size=[7, *NOT_A_COUNT],
        channels=NOT_A_COUNT,
        widths=[(), (0,), (4, 1.5), 5, None],
        dim=NOT_A_COUNT,
    ),
    row(models.Encoder().forward, {"x": PICTURES}, x=[PICTURES[0], torch.zeros(2, 3, 28, 28), PICTURES[..., :27]]),
    row(
        train.fit_encoder,
        {
            "encoder": models.mlp((3, 1)),
            "loss": lambda encoder, x: encoder(x).mean(),
            "sample_batch": lambda: (ROWS,),
            "steps": 1,
        },
        steps=NOT_A_COUNT,
        every=NOT_A_COUNT,
        lr=NOT_POSITIVE,
    ),
    row(
        train.embed,
        {"encoder": models.mlp((3, 1)), "images": ROWS},
        images=[torch.zeros(0, 3), torch.full((4, 3), NAN), ROWS.int(), [[0.0]], None],
        batch=NOT_A_COUNT,
    ),
    row(
        metrics.accuracy,
        {"predictions": SAME, "labels": SAME},
        predictions=[[], torch.zeros(0), 3, None, [1, 0]],
        labels=[SAME[:5], [SAME, SAME], torch.zeros(0), 3, None, [1, 0]],
    ),
    row(
        metrics.best_threshold,
        {"scores": ROWS[:, 0], "same": SAME},
        scores=[ROWS, torch.full((6,), NAN), SAME, None],
        same=[torch.ones(6), *NOT_SAME],
    ),
    row(
        metrics.auroc,
        {"scores": ROWS[:, 0], "positive": SAME},
        scores=[ROWS, torch.full((6,), NAN), SAME, None],
        positive=[torch.zeros(6), *NOT_SAME],
    ),
    row(metrics.alignment, {"a": ROWS, "b": ROWS}, a=NOT_ROWS, b=NOT_PARTNERS),
    row(metrics.uniformity, {"embeddings": ROWS}, embeddings=[ROWS[:1], *NOT_ROWS], t=NOT_POSITIVE),
    row(metrics.retrieval_accuracy, {"queries": ROWS, "gallery": ROWS}, queries=NOT_ROWS, gallery=NOT_PARTNERS),
    row(
        metrics.knn_accuracy,
        {"train_x": ROWS, "train_y": LABELS, "test_x": ROWS, "test_y": LABELS},
        train_x=NOT_ROWS,
        train_y=NOT_LABELS,
        test_x=[PLANE, *NOT_ROWS],
        test_y=NOT_LABELS,
        neighbours=[7, *NOT_A_COUNT],
    ),
    row(
        metrics.linear_probe,
        {"train_x": ROWS, "train_y": LABELS, "test_x": ROWS, "test_y": LABELS},
        train_x=NOT_ROWS,
        train_y=[torch.zeros(6, dtype=int), *NOT_LABELS],
        test_x=[PLANE, *NOT_ROWS],
        test_y=NOT_LABELS,
    ),
    row(
        metrics.pairs_interval,
        {"correct": SAME, "pairs": LABELS.reshape(6, 1).repeat(1, 2), "generator": SOURCE},
        correct=NOT_SAME,
        pairs=[LABELS, ROWS, torch.zeros(0, 2, dtype=int), -torch.ones(6, 2).int(), None],
        generator=[None, 3, [SOURCE]],
        draws=[1, *NOT_A_COUNT],
        level=NOT_A_LEVEL,
    ),
]
NOT_A_SHARE = [-0.1, 1.1, NAN, "half", None]
LEVELS = [
    row(levels.cross_entropy, {"classes": 10}, classes=[1, *NOT_A_COUNT]),
    row(levels.nt_xent, {"pictures": 64}, pictures=[1, *NOT_A_COUNT], factor=NOT_POSITIVE),
    row(levels.sup_con, {"embeddings": 128}, embeddings=[2, *NOT_A_COUNT], factor=NOT_POSITIVE),
    row(levels.triplet_loss, {"margin": 0.2}, margin=NOT_POSITIVE),
    row(levels.pair_margin_loss, {"margin": 1.0}, margin=NOT_POSITIVE, same=NOT_A_SHARE),
    row(
        levels.cosine_bce,
        {"cosine": 0.9},
        cosine=[-1.1, 1.1, NAN, None],
        same=NOT_A_SHARE,
        scale=[NAN, INF, "1", None],
        bias=[NAN, INF, "1", None],
    ),
    row(
        levels.accuracy,
        {"labels": torch.tensor([0, 1])},
        labels=[torch.zeros(0).long(), torch.zeros(2, 2).long(), torch.zeros(2), [0, 1], None],
    ),
]
RUNG = ladder.Rung(updates=0)
NOT_A_SEED = [-1, 2**32, 1.0, "a", None, True]
LADDER = [
    row(
        ladder.Rung,
        {},
        data=["pictures", None, 3],
        batch=[3, *NOT_A_COUNT],
        updates=[-1, 1.5, None],
        finish=[-1, 1.5, None],
        lr=NOT_POSITIVE,
        encoder=["norm", None, 3],
        loss=["bce", None, 3],
        augment=[-0.1, 1.1, NAN, "1", None],
        penalty=[-0.1, NAN, "1", None],
    ),
    row(ladder.Rung, {"kernel": 5}, encoder=["batch norm"]),
    row(ladder.held_out, {"split": "test"}, split=["train", "", 3, None]),
    row(ladder.pair_cosines, {"network": models.StudyGroupEncoder(2), "split": "test"}, split=["train", "", 3, None]),
    row(ladder.climb, {"rung": RUNG, "seed": 0}, rung=["best", None, {}], seed=NOT_A_SEED, every=[0, -1, 1.5, "2"]),
    row(ladder.settings, {"name": "best"}, name=["worst", "", 3, None]),
    row(ladder.run, {"rung": "untrained", "every": None, "updates": 0, "seed": 0}, seed=NOT_A_SEED, every=[0, 1.5]),
]
ARM = syllables.Arm(updates=0, finish=0)
NOT_A_FOLD = [-1, 3, 1.0, "0", None]
SYLLABLES = [
    row(
        syllables.Arm,
        {},
        pairs=["classes", None, 3],
        augment=[-0.1, 1.1, NAN, "1", None],
        batch=[1, *NOT_A_COUNT],
        updates=[-1, 1.5, None],
        finish=[-1, 1.5, None],
        lr=NOT_POSITIVE,
        temperature=NOT_POSITIVE,
    ),
    row(
        syllables.train_encoder,
        {"arm": ARM, "seed": 0, "fold": 0},
        arm=["fonts alone", None, {}],
        seed=NOT_A_SEED,
        fold=NOT_A_FOLD,
    ),
    row(
        syllables.embed_fonts,
        {"encoder": torch.nn.Flatten(), "images": torch.zeros(2, 3, 1, 32, 32)},
        images=[torch.zeros(2, 1, 32, 32), torch.full((1, 2, 1, 32, 32), NAN), torch.zeros(0, 2, 1, 32, 32), None],
    ),
    row(
        syllables.font_pairs,
        {"embeddings": torch.eye(3).reshape(3, 1, 3).repeat(1, 2, 1)},
        embeddings=[torch.ones(3, 1, 2), torch.full((3, 2, 2), NAN), *NOT_ROWS],
    ),
    row(syllables.first_letters, {"syllables": ("가", "힣")}, syllables=[("a",), ("가가",), (3,), ("가", None)]),
    row(syllables.judge, {"encoder": torch.nn.Flatten(), "fold": 0}, fold=NOT_A_FOLD),
    row(syllables.settings, {"name": "short", "fold": 0}, name=["long", "", 3, None], fold=NOT_A_FOLD),
    row(
        syllables.run,
        {"arm": "untrained", "fold": 0, "updates": 0, "finish": 0, "seed": 0},
        seed=NOT_A_SEED,
        fold=NOT_A_FOLD,
    ),
]
NOT_A_CLASS = [-1, 10, 1.5, "1", None]
AT_WORK = [
    row(
        energies_at_work.learn,
        {"network": models.DigitClassifier(), "task": "classify", "held_out": 1, "steps": 1, "generator": SOURCE},
        task=["draw", "", 3, None],
        held_out=NOT_A_CLASS,
        steps=NOT_A_COUNT,
        generator=[None, 3, [SOURCE]],
    ),
    row(
        energies_at_work.play,
        {
            "game": energies_at_work.new_game("gan"),
            "sample_real": lambda: PICTURES,
            "steps": 1,
            "generator": SOURCE,
        },
        steps=NOT_A_COUNT,
        generator=[None, 3, [SOURCE]],
        every=NOT_A_COUNT,
    ),
    row(
        sequences.moving_digits,
        {"images": PICTURES, "n": 1, "generator": SOURCE},
        images=NOT_PICTURES,
        n=NOT_A_COUNT,
        generator=[None, 3, [SOURCE]],
    ),
    row(
        sequences.centre_of_mass,
        {"clips": torch.zeros(2, 4, 3, 3)},
        clips=[torch.zeros(3, 3), torch.full((4, 3, 3), NAN), torch.zeros(0, 3, 3), None],
    ),
    row(
        sequences.film_report,
        {"clips": torch.zeros(250, 4, 12, 12)},
        clips=[torch.zeros(249, 4, 12, 12), torch.full((250, 4, 12, 12), NAN), None],
    ),
    row(
        sequences.film,
        {"seeds": [0], "judged": 1, "drawn": 1, "steps": 1},
        seeds=[[], 3],
        judged=[2, 4, *NOT_A_COUNT],
        drawn=[2, *NOT_A_COUNT],
        steps=NOT_A_COUNT,
    ),
    row(
        sequences.stroll,
        {"network": models.mlp((16, 144), seeds=[0]), "generator": [SOURCE]},
        generator=[[], None, [3]],
    ),
    row(
        sequences.run,
        {"seed": 0, "judged": 1, "drawn": 1, "steps": 1},
        seed=[-1, 1.5, None],
        judged=[2, 4, *NOT_A_COUNT],
        drawn=[2, *NOT_A_COUNT],
        steps=NOT_A_COUNT,
    ),
    row(sequences.is_word, {"text": "hangan"}, text=[None, 3, ["hangan"]]),
    row(sequences.draw_words, {"n": 2, "generator": SOURCE}, n=NOT_A_COUNT, generator=[None, 3, [SOURCE]]),
    row(sequences.encode_words, {"words": ["hangan"]}, words=["hangan", [], ["hanga"], ["hangax"], [3], None]),
    row(sequences.decode_words, {"x": torch.zeros(2, 90)}, x=[torch.zeros(2, 89), torch.zeros(90), None]),
    row(energies_at_work.new_game, {"method": "ebgan"}, method=["wgan", "", 3, None]),
    row(energies_at_work.doubt, {"classifier": models.DigitClassifier(), "x": PICTURES}, x=NOT_PICTURES),
    row(
        energies_at_work.ink_surprise, {"x": PICTURES, "images": PICTURES}, x=NOT_PICTURES, images=NOT_PICTURES
    ),
    row(
        energies_at_work.descend,
        {
            "autoencoder": energies_at_work.new_autoencoder(),
            "start": PICTURES,
            "rebuild": lambda x: x,
            "stops": (0, 2),
        },
        start=NOT_PICTURES,
        stops=[(), (-1,), (2, 2), (3, 1)],
    ),
    row(energies_at_work.paste, {"pictures": PICTURES}, pictures=NOT_PICTURES),
    row(energies_at_work.agree, {"small": torch.zeros(2, 1, 14, 14)}, small=[PICTURES, torch.zeros(2, 14, 14), None]),
    row(
        energies_at_work.neighbours,
        {"x": PICTURES, "images": PICTURES, "count": 2},
        x=NOT_PICTURES,
        images=NOT_PICTURES,
        count=[3, *NOT_A_COUNT],
    ),
    row(
        energies_at_work.styles,
        {"x": PICTURES, "cells": PICTURES[None]},
        x=NOT_PICTURES,
        cells=[PICTURES, torch.full((1, 1, 1, 28, 28), NAN), None],
    ),
    row(
        energies_at_work.rank,
        {"score": lambda x: x.flatten(1).mean(1), "held_out": 1},
        held_out=NOT_A_CLASS,
    ),
    row(
        energies_at_work.hidden_error,
        {"filled": PICTURES, "truth": PICTURES},
        filled=[PICTURES[:1], None],
        truth=NOT_PICTURES,
    ),
    row(
        energies_at_work.syllable_batch,
        {"count": 2, "generator": SOURCE},
        count=NOT_A_COUNT,
        generator=[None, 3, [SOURCE]],
    ),
    row(
        energies_at_work.style_report,
        {"drawn": PICTURES, "real": PICTURES},
        drawn=NOT_PICTURES,
        real=NOT_PICTURES,
    ),
    row(
        energies_at_work.run,
        {"seed": 0, "part": "styles", "steps": 1, "method": "gan"},
        seed=NOT_A_SEED,
        part=["text", "", 3, None],
        steps=NOT_A_COUNT,
    ),
]
STEEP = ROWS.clone().requires_grad_()
TRIAL = {"method": "EBGAN", "knob": 0.3, "depth": 1, "width": 4, "lr": 1e-3, "beta": 0.5, "norm": 0}
NOT_A_TRIAL = {
    "method": ["WGAN", "", 3, None],
    "knob": [-1.0, 0.0, NAN, "1", None],
    "depth": NOT_A_COUNT,
    "width": NOT_A_COUNT,
    "lr": NOT_POSITIVE,
    "beta": [-0.1, 1.0],
    "norm": [-1, 2, 0.5, "1", None],
    "steps": NOT_A_COUNT,
}
STABILITY = [
    row(
        losses.gradient_penalty,
        {"logits": STEEP.square().sum(-1), "real": STEEP},
        logits=NOT_LOGITS,
        real=[ROWS, STEEP[:2], [0.0], None],
    ),
    row(stability.settings, {"method": "GAN"}, method=["WGAN", "", 3, None]),
    row(stability.enlarge, {"rows": torch.zeros(2, 196)}, rows=[torch.zeros(196), *NOT_ROWS]),
    row(
        stability.generator_of,
        {"depth": 1, "width": 4, "norm": 1, "seeds": [0]},
        depth=NOT_A_COUNT,
        width=NOT_A_COUNT,
        norm=[-1, 2, 0.5, "1", None],
        seeds=[[]],
    ),
    row(
        stability.train_and_score,
        {"seeds": [0], "steps": 1, "looks": 1, **TRIAL},
        seeds=[[], 5],
        looks=[2, *NOT_A_COUNT],
        **NOT_A_TRIAL,
    ),
    row(stability.run, {"seed": 0, "runs": 1, "steps": 1, "looks": 1, **TRIAL}, seed=[-1], runs=NOT_A_COUNT),
    row(flexibility.settings, {"name": "hinge"}, name=["cosine", "", 3, None]),
    row(
        flexibility.run,
        {"seed": 0, "name": "hinge", "norm": 0, "lr": 1e-3, "runs": 1, "steps": 3},
        seed=[-1],
        name=["cosine", "", 3, None],
        norm=[-1, 2, 0.5, "1", None],
        lr=NOT_POSITIVE,
        runs=NOT_A_COUNT,
        steps=NOT_A_COUNT,
    ),
]
AUTOENCODER = models.mlp_autoencoder((3, 2))
MODELLING = [
    row(
        losses.reconstruction_energy,
        {"autoencoder": AUTOENCODER, "x": ROWS},
        x=NOT_ROWS,
        kind=["l2", "", None],
    ),
    row(
        losses.contrastive_divergence,
        {"data_energy": torch.zeros(2, 3), "model_energy": torch.zeros(2, 4)},
        data_energy=NOT_LOGITS,
        model_energy=[torch.zeros(4), torch.zeros(3, 3), *NOT_LOGITS],
        weight=[-0.1, NAN, INF, "1", None],
    ),
    row(
        sampling.langevin,
        {"energy": lambda x: x.sum(-1), "x": ROWS, "steps": 1, "step_size": 0.1, "generator": SOURCE},
        x=NOT_ROWS[1:],
        steps=NOT_A_COUNT,
        step_size=NOT_POSITIVE,
        noise=[-1.0, NAN, INF, "1", True],
        generator=[None, 3, [SOURCE]],
    ),
    row(models.AutoEncoder, {"encode": NETWORK, "decode": NETWORK}, bound=[0, -1.0, NAN, INF, "1", True]),
    row(
        models.mlp_autoencoder,
        {"sizes": (784, 2)},
        sizes=[(), (2,), (2, 0), (2, 1.5), 5, None],
        seeds=[[], 5],
        pictures=[(28, 28), (1, 28, 27), (1, 784)],
    ),
    row(models.conv_autoencoder, {}, channels=[(1,), (1, 2, 3), (0, 1), (1, 1.5), 5, None], code=NOT_A_COUNT),
    row(
        train.make_ebgan,
        {"generator": models.mlp((2, 3)), "autoencoder": AUTOENCODER, "margin": 1.0, "numbers": 3},
        autoencoder=[None, "mlp"],
        margin=NOT_POSITIVE,
        numbers=NOT_A_COUNT,
        kind=["l2", None],
    ),
    row(
        train.make_ebgan,
        {
            "generator": models.mlp((2, 4)),
            "autoencoder": models.mlp_autoencoder((4, 2), pictures=(1, 2, 2)),
            "margin": 4.0,
            "numbers": 4,
        },
        margin=[4.1],  # no two pictures of four numbers in [−1, 1] are farther apart than 2 · √4
    ),
]
REPELLING = [
    row(repelling.mean_cosine, {"codes": ROWS}, codes=[ROWS[:1], torch.zeros(1, 1, 2, 3), *NOT_ROWS]),
    row(
        repelling.play,
        {"target": "ring", "seeds": [0], "weight": 0.1, "steps": 1},
        target=["digits", None, 3],
        seeds=[[], 5, None],
        weight=[-0.1, NAN, "1", None],
        steps=NOT_A_COUNT,
        width=NOT_A_COUNT,
        batch=NOT_A_COUNT,
        every=NOT_A_COUNT,
    ),
    row(
        repelling.play_digits,
        {"seed": 0, "weight": 0.1, "steps": 1},
        seed=NOT_A_SEED,
        weight=[-0.1, NAN, "1", None],
        steps=NOT_A_COUNT,
        batch=[1, *NOT_A_COUNT],
        every=NOT_A_COUNT,
    ),
    row(repelling.judge_digits, {"images": torch.rand(5, 1, 28, 28)}, images=NOT_PICTURES),
    row(
        repelling.run,
        {"seed": 0, "target": "digits", "weight": 0.0, "squared": True, "steps": 1},
        target=["blob", None, 3],
        weight=[-0.1, NAN, "1", None],
    ),
]
AVERAGE = train.Average(models.mlp((2, 2)))
GAME_ON_DIGITS = ebgan_digits.Arm(steps=1, batch=2)
PLAYED = [
    row(train.Average, {"network": NETWORK}, network=[None, "mlp", ROWS], decay=[-0.1, 1, 1.5, NAN, "1", None, True]),
    row(AVERAGE.update, {"network": models.mlp((2, 2))}, network=[NETWORK, models.mlp((2, 2, 2))]),
    row(AVERAGE.network, {"z": PLANE}, z=[torch.zeros(0, 2), torch.full((2, 2), NAN), SAME, None]),
    row(
        ebgan_digits.Arm,
        {},
        method=["GAN", "", None, 3],
        steps=NOT_A_COUNT,
        finish=[-1, 1.5, None],
        batch=[1, *NOT_A_COUNT],
        lr=NOT_POSITIVE,
        beta1=[-0.1, 1, NAN, "1", None],
        margin=NOT_POSITIVE,
        pull_away=[-0.1, NAN, "1", None],
    ),
    row(
        ebgan_digits.mean_square,
        {"autoencoder": lambda x: x, "x": PICTURES},
        x=[torch.zeros(3), torch.zeros(0, 1, 28, 28), torch.full((1, 1, 28, 28), NAN), None],
    ),
    row(ebgan_digits.start, {"arm": GAME_ON_DIGITS, "seed": 0}, arm=["GAN", None, {}], seed=NOT_A_SEED),
    row(
        ebgan_digits.play,
        {"arm": GAME_ON_DIGITS, "seed": 0},
        arm=["GAN", None, {}],
        seed=NOT_A_SEED,
        looks=NOT_A_COUNT,
    ),
    row(ebgan_digits.settings, {"name": "GAN"}, name=["gan", "", 3, None]),
    row(ebgan_digits.run, {"arm": "one step", "steps": 1, "batch": 2, "seed": 0}, seed=NOT_A_SEED),
]
TABLE = [*SEEDS, *DATA, *LOSSES, *MODELS, *TRAIN, *METRICS, *STUDIES, *PLOTS, *GROUP, *CONTRAST, *LEVELS]
TABLE += [*LADDER, *STABILITY, *SYLLABLES, *REPELLING, *AT_WORK, *OTHERS, *MODELLING, *PLAYED]

EXEMPT = {
    "ebgan_digits.Played": "a plain record of what play did",
    "ebgan_digits.distance": "the generator checks its noise",
    "stability.collect": "the function that it is handed checks what it gets",
    "stability.follow": "its counts are tried through train_and_score, the rest belongs to fit",
    "stability.score": "enlarge checks the rows",
    "models.AutoEncoder.forward": "the two networks check what they are given",
    "data.Hangul": "a plain record; hangul fills it",
    "group.Outcome": "a plain record of what run measured",
    "ladder.Climb": "a plain record of what climb measured",
    "ladder.Judgement": "a plain record of what judge measured",
    "ladder.Scaled": "holds an encoder; the loss that uses it checks",
    "ladder.Scaled.forward": "the encoder checks its pictures",
    "ladder.judge": "asks pair_cosines, which checks",
    "repelling.Album": "a plain record of what play_digits measured",
    "repelling.Film": "a plain record of what play measured",
    "train.EncoderHistory": "a plain record of what fit_encoder measured",
    "train.Game": "a plain record; make_game checks",
    "train.History": "a plain record of what fit measured",
    "train.ebgan_d_step": "networks and losses check what they are given",
    "train.ebgan_g_step": "networks and losses check what they are given",
    "train.gan_d_step": "networks and losses check what they are given",
    "train.gan_g_step": "networks and losses check what they are given",
    "train.progress": "hands its arguments to tqdm",
    "train.sample": "the network checks its noise",
    "widgets.Html": "made by scrub and explore only",
}


def name_of(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}".removeprefix("helpers.")


def cases() -> Iterator[Any]:
    """Give each bad value a test of its own."""
    for line in TABLE:
        for argument, values in line.bad.items():
            for number, value in enumerate(values):
                yield pytest.param(line, argument, value, id=f"{name_of(line.function)}-{argument}{number}")


def shown(value: object) -> list[str]:
    """Return the ways in which a message may say what came."""
    if isinstance(value, torch.Tensor):
        return [f"shape {tuple(value.shape)} and type {value.dtype}"]
    if isinstance(value, str | list | tuple | dict):
        # Of a collection it is enough to say which one does not fit, how many there are, or what is wrong with one.
        faults = ["none", "an empty text", "pictures of", "bytes that are no picture", "an array of shape"]
        return [repr(value)[:50], *map(repr, value), str(len(value)), *faults]
    return [" ".join(repr(value).split())[:50]]  # a message is one line


def call(line: Row, **changes: Any) -> Any:
    """Call a row's function with some arguments changed; `sliders` stands for all of them."""
    given = {**line.good, **NOTHING_WORKS.get(line.function, {}), **changes}
    if "sliders" in changes:
        given = {"function": given["function"]}
    return line.function(**given)


@pytest.mark.parametrize(
    "line", [line for line in TABLE if line.function not in NOTHING_WORKS], ids=lambda r: name_of(r.function)
)
def test_the_good_arguments_are_good(line: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    """If these failed, the bad ones might be refused for another reason."""
    monkeypatch.delenv("COURSE_BUILD", raising=False)
    threads = torch.get_num_threads()
    call(line)
    torch.set_num_threads(threads)
    plt.close("all")


@pytest.mark.parametrize(("line", "argument", "value"), list(cases()))
def test_a_bad_argument_is_named_with_what_came_and_what_is_expected(line: Row, argument: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{argument}(\[\d+\])?: got .+, expected .+") as caught:
        call(line, **{argument: value})
    given = re.match(r"\S+ got (.+), expected ", str(caught.value))[1]
    assert any(text in given for text in shown(value)), str(caught.value)


# --- nothing is forgotten ----------------------------------------------------------------------------


def takes_arguments(function: Callable[..., Any]) -> bool:
    return any(name != "self" for name in inspect.signature(function).parameters)


def public_callables() -> Iterator[str]:
    """Name every public function, constructor and method of the helpers that takes arguments."""
    for info in pkgutil.iter_modules(helpers.__path__):
        module = importlib.import_module(f"helpers.{info.name}")
        for name, value in vars(module).items():
            own = getattr(value, "__module__", None) == module.__name__
            if info.name.startswith("_") or name.startswith("_") or not own:
                continue
            if inspect.isfunction(value) and takes_arguments(value):
                yield name_of(value)
            elif inspect.isclass(value):
                if takes_arguments(value):
                    yield name_of(value)
                for key, method in vars(value).items():
                    if inspect.isfunction(method) and not key.startswith("_") and takes_arguments(method):
                        yield name_of(method)


def test_every_public_function_is_in_the_table() -> None:
    found = set(public_callables())
    tested = {name_of(line.function) for line in TABLE}
    assert len(found) > 30, "found hardly any function: is this looking at the helpers?"
    assert not found - tested - set(EXEMPT), "add a row to the table for each"
    assert not set(EXEMPT) - found, "no longer there, or not public: remove the exemption"
    assert not tested & set(EXEMPT), "tested after all: remove the exemption"


def test_every_row_names_arguments_that_exist() -> None:
    for line in TABLE:
        names = set(inspect.signature(line.function).parameters)
        assert set(line.bad) <= names, name_of(line.function)
