"""What each study is about: the script in its order, splits that share nothing, losses by another route."""

import hashlib
import itertools
import json
import math
import unicodedata
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import numpy as np
import pack_hangul
import pytest
import torch
from scipy.special import logsumexp
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cosine_similarity

from helpers import data, losses, metrics, train
from helpers.models import Encoder
from helpers.seed import rngs, torch_seed
from helpers.studies import energies_at_work as work
from helpers.studies import judging, ladder, negatives, pull_away_digits, sequences, stability, syllables, two_kinds
from helpers.studies import without_negatives as siamese
from helpers.studies.group import Outcome, StudyGroupEncoder, run
from helpers.studies.ladder import RUNGS, Rung
from helpers.studies.sweep import recorded, select
from helpers.studies.syllables import HANGUL_FOLDS, HANGUL_SPLITS, Arm, hangul

pytestmark = pytest.mark.usefixtures("one_thread")


def written_out(seed, steps):
    """The same experiment as a script from top to bottom; return the losses and the test pairs' cosines."""
    torch.manual_seed(seed)
    encoder = StudyGroupEncoder()
    a, b, same = torch.randn(16, 3, 32, 32), torch.randn(16, 3, 32, 32), torch.randint(0, 2, (16,))
    optimizer = torch.optim.Adam(encoder.parameters(), lr=0.001)
    printed = []
    for _ in range(steps):
        loss = losses.cosine_bce(encoder(a), encoder(b), same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        printed.append(loss.item())
    a, b = torch.randn(8, 3, 32, 32), torch.randn(8, 3, 32, 32)
    with torch.no_grad():
        return torch.tensor(printed), (encoder(a) * encoder(b)).sum(-1)  # unit vectors: the cosine


def test_it_is_the_script_from_top_to_bottom_and_the_first_rung(monkeypatch, request):
    request.addfinalizer(lambda: torch.set_default_dtype(torch.float))
    torch.set_default_dtype(torch.double)  # updates make rounding errors of single precision grow
    monkeypatch.setattr(ladder, "judge", lambda *_, **__: None)  # digits are in single precision
    outcome, (printed, cosines) = run(3, steps=2), written_out(3, 2)
    _, climbed, _ = ladder.train_and_judge(replace(RUNGS["the group's run"], updates=2), 3)
    for found, expected in ((outcome.losses, printed), (outcome.test_cosines, cosines), (climbed, printed)):
        torch.testing.assert_close(found, expected, atol=1e-9, rtol=0)
    each = binary_cross_entropy_with_logits(outcome.train_cosines[:-1], outcome.train_same.double().expand(2, -1))
    assert outcome.losses.mean().item() == pytest.approx(each.item())


def test_every_rung_begins_with_the_loss_that_was_recorded(monkeypatch):
    """So encoders, losses, pairs and augmentation are those of the record, and seeds mean the same."""
    monkeypatch.setattr(ladder, "judge", lambda *_, **__: None)
    for name, rung in RUNGS.items():
        if rung.updates:
            _, loss, _ = ladder.train_and_judge(replace(rung, updates=1, finish=0), 1)
            (row,) = select(recorded("ladder"), rung=name, seed=1)
            assert loss.item() == pytest.approx(row["metrics"]["first_loss"], abs=1e-4), name


def test_answers_of_a_made_up_run() -> None:
    nothing, cosines, same = torch.zeros(1), torch.tensor([0.9, -0.1, 0.0, 0.2]), torch.tensor([1, 1, 0, 0])
    outcome = Outcome(nothing, nothing, nothing, same, nothing, cosines)
    assert outcome.predictions.tolist() == [1, 0, 0, 1]  # a cosine of 0 is not above the threshold
    assert (outcome.accuracy, outcome.constant) == (0.5, False)
    torch.testing.assert_close(outcome.probabilities, 1 / (1 + (-cosines).exp()))
    assert [Outcome(nothing, nothing, nothing, same, nothing, sign * same).constant for sign in (0, 1)] == [True, False]


def test_the_threshold_does_not_see_the_test_labels(monkeypatch):
    network = ladder._start(Rung(), 0)[0]
    before = ladder.judge(network)
    exams = {split: ladder.held_out(split) for split in ("validation", "test")}
    exams["test"] = (*exams["test"][:2], 1 - exams["test"][2])
    monkeypatch.setattr(ladder, "held_out", lambda split, _: exams[split])
    after = ladder.judge(network)
    assert (after.threshold, after.accuracy) == (before.threshold, pytest.approx(1 - before.accuracy))


def test_other_pictures_are_learned_and_judged():
    with torch_seed(0):
        white = {split: (torch.rand(40, 3, 32, 32), torch.arange(40) % 2) for split in ("train", "validation", "test")}
    for images, labels in white.values():
        images[labels == 0] *= -1  # so bright or dark: easy
    network, _, judged = ladder.train_and_judge(Rung(data="digits"), 0, pictures=lambda split: white[split])
    assert judged[10].accuracy > 0.95 > ladder.judge(network).accuracy


SHORT = {"depth": 1, "width": 8, "lr": 1e-3, "beta": 0.5, "norm": 1, "steps": 4}


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_real_digits_score_as_varied_and_good() -> None:
    real = pull_away_digits.score(data.digits("test")[0])
    assert real["classes"] > 9.9 and min(real["sure"], real["precision"], real["recall"]) > 0.8
    assert real["frechet"] < 15


def test_thresholds_are_those_of_gaussian_pixels_and_of_half_the_digits() -> None:
    real = stability.digits().double()
    root = torch.linalg.cholesky(torch.cov(real.T) + 1e-5 * torch.eye(real.shape[1]))
    fitted = real.mean(0) + normal(metrics.FRECHET_N, real.shape[1]) @ root.T
    assert stability.score(fitted.float())["distance"] == pytest.approx(stability.USABLE, abs=5)
    assert stability.COLLAPSED == 10 / 2


def test_a_diverging_run_is_recorded_and_does_not_take_its_neighbours_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where run 6 takes part, all three are lost; trained alone, the other two are what they are without it."""
    real, setting = stability.digits(), {**SHORT, "method": "EBGAN", "knob": 0.3, "looks": 1}
    alone = stability.collect(lambda seeds: stability.train_and_score(seeds, **setting), [4, 5])

    def training(seeds: list[int]) -> Any:
        monkeypatch.setattr(stability, "digits", lambda: torch.full_like(real, torch.inf) if 6 in seeds else real)
        return stability.train_and_score(seeds, **setting)

    outcome = stability.collect(training, range(4, 7))
    assert outcome["error"][:2] == [None, None] and "NaN or infinite" in outcome["error"][2]
    assert outcome["distance"][:2] == [pytest.approx(distance, rel=1e-3) for distance in alone["distance"]]
    assert outcome["distance"][2] == [] and outcome["recall"][2] is None


PAGE = Path(__file__).resolve().parents[1] / "book" / "10-energies-of-film-and-words.ipynb"


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_filler_never_sees_the_hidden_pixels() -> None:
    seen = []

    class Spy(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x.detach() * work.HIDDEN)
            return super().forward(x)

    work.train_network(Spy(28, 28), "fill", 0, 2, source())
    mean = work.digits_without(0, "train")[0].mean(0, keepdim=True) * work.HIDDEN
    assert len(seen) == 2 and all(torch.allclose(x, mean.expand_as(x), atol=1e-6) for x in seen)


def test_the_energy_in_the_logits_by_another_route() -> None:
    torch.manual_seed(0)
    network, x = Encoder(widths=(8,), dim=10).eval(), data.digits("test")[0][:20]
    logits = train.embed(network, x).double()
    energy = work.DOUBTS["logits"](logits)
    assert torch.allclose(energy, -torch.from_numpy(logsumexp(logits.numpy(), axis=1)), atol=1e-5)
    # Doubt is what is left of it without the largest logit: log max p = E + max f.
    assert torch.allclose((1 - work.DOUBTS["classifier"](logits)).log(), energy + logits.amax(1), atol=1e-5)


def test_effective_numbers_of_even_and_uneven_fonts() -> None:
    cells = work.small_hangul("train", syllables.SYLLABLES)
    real = work.syllable_batch(200, source())
    every, even = (work.style_report(some, real) for some in (cells.flatten(0, 1), cells[0]))
    assert every["cells"] == pytest.approx(88) and every["font_counts"] == 11 * [8]  # each is its own cell
    assert (even["fonts"], even["cells"]) == pytest.approx((11, 11)) and even["near"] == 1
    assert work.style_report(real, real)["near"] == pytest.approx(0.95, abs=0.01)
    uneven = work.style_report(cells[:, 0][[0, 0, 0, 1]], real)
    shares = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert uneven["fonts"] == pytest.approx(1) and uneven["cells"] == pytest.approx(shares)
    assert uneven["font_counts"] == [4] + 10 * [0]


def test_digits_move_straight_at_a_constant_speed_and_stay_in_the_frame() -> None:
    clips = sequences.moving_digits(data.digits("test")[0], 400, source())
    assert clips.shape == (400, 4, 12, 12) and clips.min() >= -1 and clips.max() <= 1
    ink = (clips + 1).sum((2, 3))  # (n, FRAMES)
    assert (ink.amin(1) / ink.amax(1) > 0.9).float().mean() > 0.95
    steps = sequences.centre_of_mass(clips).diff(dim=1)  # (n, 3, 2)
    assert steps.diff(dim=1).norm(dim=-1).mean() < 0.03
    speed = steps.norm(dim=-1).mean(1)
    assert speed.min() > sequences.SLOWEST - 0.15 and speed.max() < sequences.FASTEST + 0.1
    assert speed.mean() == pytest.approx(1, abs=0.06)
    assert torch.histc(torch.atan2(*steps.mean(1).T), 4, -torch.pi, torch.pi).min() > 70  # of 100 in each quarter


def test_centre_of_mass_of_one_dot_and_of_nothing() -> None:
    clip = torch.full((2, 5, 7), -1.0)
    clip[0, 3, 6] = 1
    assert torch.allclose(sequences.centre_of_mass(clip), torch.tensor([[6.0, 3.0], [3.0, 2.0]]), atol=1e-3)


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """Run the ideas of chapter 10, without its trainings."""
    names: dict[str, Any] = {"SEED": 0, "CLIP_STEPS": 3, "WORD_STEPS": 3}
    trained = ("generators = {}", "written = {", "texts |=", "softened = {")  # and what needs it
    for cell in nbformat.read(PAGE, as_version=4).cells:
        if {"setup", "idea"} & set(cell.metadata.get("tags", [])) and not any(map(cell.source.count, trained)):
            exec(cell.source, names)
    return names


def test_the_pages_clips_are_those_of_the_study(page: dict[str, Any]) -> None:
    for judged, drawn in sequences.ARMS:
        film, _ = page["shoot"](judged, drawn)
        expected, _ = sequences.train_clips(page["RUNS"], judged, drawn, 3)
        assert torch.equal(film, expected)


def test_the_rule_agrees_with_a_list_of_all_words(page: dict[str, Any]) -> None:
    some, kinds = "gkaei", [page["CONSONANTS"], page["FINALS"]]  # a final, one that is none, a vowel of each kind
    ways = [way for vowels in ("aoi", "eui") for way in ([kinds[0], vowels, kinds[1]] * 2, [kinds[0], vowels] * 3)]
    words = {word for way in ways for word in itertools.product(*(set(slot) & set(some) for slot in way))}
    texts = map("".join, itertools.product(some, repeat=6))
    assert {text for text in texts if page["is_word"](text)} == set(map("".join, words)) and len(words) > 50
    others = ["hanga", "hanganga", "hangax", "hangan\n", ""]
    assert not any(map(page["is_word"], others)) and page["is_word"]("hangan")


FOLDS = range(HANGUL_FOLDS)
FONTS = json.loads((data.ASSETS / "hangul_fonts.json").read_text(encoding="utf-8"))
SIZES = {"train": (440, 11), "validation": (50, 2), "test": (150, 3), "test_seen_fonts": (150, 11)}


def test_the_packed_syllables_are_the_ones_the_numbers_were_measured_with() -> None:
    images, names, fonts = syllables.packed_hangul()
    assert images.shape == (16, 640, 32, 32) and images.dtype == np.uint8
    content = hashlib.sha256(images.tobytes() + ("".join(names) + ", ".join(fonts)).encode()).hexdigest()
    assert content == "04b605ad5ca7d3ccc6f6060f1d597a807bebc583adb6acad55353e311103e112"
    path = Path(data.__file__).parent / "assets" / "hangul.npz"
    licences = np.load(path)["licences"]
    assert path.stat().st_size < 3_000_000 and len(licences) == 16
    assert all("SIL Open Font License 1.1" in licence for licence in licences)
    common = pack_hangul.common_syllables()  # of KS X 1001
    assert len(common) == len(set(common)) == 2350 and (common[0], common[-1]) == ("가", "힝")
    assert pack_hangul.chosen_syllables() == names and len(set(names)) == 640
    pack_hangul.check_fonts(fonts, images)
    with pytest.raises(SystemExit, match="Nanum Gothic and twin are too alike"):
        pack_hangul.check_fonts([fonts[0], "twin"], images[[0, 0]])


@pytest.mark.parametrize("fold", FOLDS)
def test_each_split_has_its_size_and_nothing_is_in_two_of_them(fold: int) -> None:
    parts = {split: hangul(split, fold) for split in HANGUL_SPLITS}
    for split, part in parts.items():
        assert (len(part.syllables), len(part.fonts)) == part.images.shape[:2] == SIZES[split]
        assert (part.images.min(), part.images.max()) == (-1, 1) and part.images[..., 0, 0].eq(-1).all()  # −1 is paper
    seen = parts.pop("test_seen_fonts")
    assert (seen.syllables, seen.fonts) == (parts["test"].syllables, parts["train"].fonts)
    assert len(set().union(*(part.syllables for part in parts.values()))) == 440 + 50 + 150
    assert len(set().union(*(part.fonts for part in parts.values()))) == 11 + 2 + 3


def test_no_syllable_and_no_font_is_tested_twice() -> None:
    tests = [hangul("test", fold) for fold in FOLDS]
    assert len(set().union(*(part.syllables for part in tests))) == 3 * 150
    assert [list(part.fonts) for part in tests] == FONTS["groups"]
    with pytest.raises(ValueError, match="fold: got 3"):
        hangul("test", 3)  # would be the first fold's fonts with other syllables


@pytest.mark.parametrize("pairs", ["fonts", "views"])
def test_a_pair_is_one_syllable_in_two_fonts_or_two_views_of_one_picture(pairs: str) -> None:
    images = hangul("train").images
    place = {images[n, f].numpy().tobytes(): (n, f) for n in range(440) for f in range(11)}
    drawn = syllables.draw_pairs(Arm(pairs=pairs, augment=0.0), images, torch.Generator().manual_seed(3))
    spots = [(place[a.numpy().tobytes()], place[b.numpy().tobytes()]) for a, b in zip(*drawn, strict=True)]
    assert all(one == other and (font == second) == (pairs == "views") for (one, font), (other, second) in spots)
    assert len({syllable for (syllable, _), _ in spots}) == len(spots) == Arm().batch
    moved = syllables.draw_pairs(Arm(pairs=pairs, augment=0.5), images, torch.Generator().manual_seed(3))
    assert (moved[0] - moved[1]).abs().mean() > 0.01


def test_training_looks_at_the_training_part_only_and_all_arms_start_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(syllables, "hangul", lambda *place: asked.append(place) or hangul(*place))
    first, same = (syllables.train_encoder(Arm(pairs, updates=0, finish=0), 5, 1)[0] for pairs in ("fonts", "views"))
    assert all(map(torch.equal, first.parameters(), same.parameters())) and set(asked) == {("train", 1)}
    assert syllables.train_encoder(Arm(updates=2, finish=1, batch=4), 0, 1)[1].loss.shape == (3,)


def test_pairs_are_of_different_syllables_unless_an_arm_says_otherwise() -> None:
    images, (rng,) = hangul("train").images, rngs([4])
    counts = {}
    for name, arm in negatives.ARMS.items():
        a, b, rows = negatives.draw(arm, images, rng)
        assert a.shape == b.shape == (arm.batch, 1, 32, 32) and (a - b).abs().mean() > 0.01
        counts[name] = rows.unique(return_counts=True)[1]
    assert all((counts[name] == 1).all() for name in ("batch 128", "batch 32", "batch 8", "hard"))
    assert (counts["four of each"] == 4).all() and len(counts["four of each, masked"]) == 32
    assert counts["at random"].max() > 1
    with pytest.raises(ValueError, match="a multiple of 3"):
        negatives.draw(negatives.Arm(each=3), images, rng)


def test_a_queue_holds_the_last_keys_of_a_slow_copy_and_no_false_negatives() -> None:
    with torch_seed(0):
        network = nn.Linear(4, 128)
    queue = negatives.Queue(network, 6)
    x = normal(3, 4, 4).float()
    assert float(queue.loss(network, x[0], x[0], torch.arange(4)).detach()) == 0, "nothing to compare with yet"
    with torch.no_grad():
        network.weight.add_(1)
    before = [key.clone() for key in queue.keys]
    slow = 0.99 * (network.weight - 1) + 0.01 * network.weight
    found = queue.loss(network, x[1], x[1], torch.tensor([0, 5, 6, 7]))
    torch.testing.assert_close(queue.slow.weight, slow)
    assert len(queue.keys) == 6 and torch.equal(queue.keys[:2], torch.stack(before[2:]))
    values = []
    for i, query in enumerate(network(x[1]).detach()):
        keys = [queue.keys[2 + i], *(before[1:] if i == 0 else before)]  # row 0 has been seen: it is no negative
        scores = [float(cosine_similarity(query, key, dim=0)) / negatives.TEMPERATURE for key in keys]
        values.append(-scores[0] + math.log(sum(map(math.exp, scores))))
    assert float(found.detach()) == pytest.approx(sum(values) / 4, rel=1e-4)


def test_letters_are_those_into_which_unicode_takes_a_syllable_apart() -> None:
    syllables = [*hangul("train").syllables, *hangul("test").syllables, "가", "힣"]
    codes = two_kinds.code_points(replace(hangul("test"), syllables=syllables))
    assert codes[-2:].tolist() == [0, two_kinds.COUNT - 1]
    for syllable, found in zip(syllables, two_kinds.letters(codes).tolist(), strict=True):
        parts = unicodedata.normalize("NFD", syllable) + "\u11a7"  # no last letter is number 0
        places = [ord(part) - start for part, start in zip(parts[:3], (0x1100, 0x1161, 0x11A7), strict=True)]
        assert found == places, syllable
    read = two_kinds.written(codes, "letters")
    assert read.shape[1] == 68 and (read.sum(1) == 3).all() and len(read.unique(dim=0)) == len(codes.unique())
    assert torch.equal((two_kinds.written(codes, "bits").long() << torch.arange(14)).sum(1), codes)


def test_a_pair_of_encoders_that_knows_the_syllable_reads_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    spots = torch.randn(two_kinds.COUNT, 128, generator=torch.Generator().manual_seed(1))
    shown = spots[two_kinds.code_points(hangul("validation"))].repeat_interleave(2, 0)
    knows = {"codes": spots, "pictures": shown}
    monkeypatch.setattr(two_kinds, "embed", lambda network, *_, **__: knows[network])
    towers = SimpleNamespace(pictures="pictures", codes="codes", form="letters")

    found = two_kinds.read.__wrapped__(towers, "validation", 0)
    assert found == {"to_code": 1, "to_picture": 1, "of_all": 1, "letters": [1, 1, 1]}


def test_spread_and_fine_tuning() -> None:
    assert judging.spread(normal(2000, 32)) == pytest.approx(1, abs=0.02)
    assert judging.spread(normal(1, 32) * torch.rand(50, 1)) == pytest.approx(0, abs=1e-6)
    opposite = torch.tensor([1.0, -1.0]).repeat(20).unsqueeze(1) * normal(1, 32)
    assert judging.directions(opposite) == pytest.approx(1) and judging.directions(torch.eye(8)) == pytest.approx(8)
    encoder = judging.Ink()
    first, again, other = (judging.fine_tuned(encoder, 0, seed, updates=3) for seed in (1, 1, 2))
    assert first == again != other


def network_of(*parts: bool) -> siamese.Siamese:
    with torch_seed(3):
        return siamese.Siamese(*parts)


def test_siamese_losses_and_their_gradients() -> None:
    views = [part.float() for part in normal(2, 8, 1, 32, 32)]
    network = network_of(True, True, False)
    z = network.body(torch.cat(views))
    p, (z1, z2) = network.predict(z), z.chunk(2)
    wanted = -(cosine_similarity(p[:8], z2).mean() + cosine_similarity(p[8:], z1).mean()) / 2
    torch.testing.assert_close(siamese.siamese_loss(network, *views), wanted)
    torch.testing.assert_close(siamese.siamese_loss(network, *views, stop=False), wanted)
    bare = network_of(True, False, False)
    slopes = []
    for stop in (True, False):
        bare.zero_grad()
        siamese.siamese_loss(bare, *views, stop=stop).backward()
        slopes.append(bare.body[1][0].weight.grad.clone())
    torch.testing.assert_close(2 * slopes[0], slopes[1], atol=1e-6, rtol=1e-3)


def test_a_slow_copy_follows_and_learns_nothing_by_itself() -> None:
    network = network_of(True, True, True)
    views = [part.float() for part in normal(2, 8, 1, 32, 32)]
    old = network.slow[1][0].weight.clone()
    with torch.no_grad():
        network.body[1][0].weight.add_(1)
    siamese.siamese_loss(network, *views).backward()
    torch.testing.assert_close(network.slow[1][0].weight, old + 0.05)
    assert all(weight.grad is None for weight in network.slow.parameters())


def test_decorrelating_losses_by_numpy() -> None:
    a, b = normal(2, 10, 3)
    x, y = a.numpy(), b.numpy()
    c = np.corrcoef(x.T, y.T)[:3, 3:]
    wanted = ((1 - c.diagonal()) ** 2).sum() + 0.005 * sum(c[i, j] ** 2 for i in range(3) for j in range(3) if i != j)
    assert float(siamese.barlow_twins(a, b)) == pytest.approx(wanted)
    variance = sum(np.maximum(0, 1 - np.sqrt(z.var(0, ddof=1) + 1e-4)).mean() for z in (x, y)) / 2
    covariance = sum(2 * np.cov(z.T)[i, j] ** 2 / 3 for z in (x, y) for i, j in itertools.combinations(range(3), 2))
    wanted = 25 * ((x - y) ** 2).mean() + 25 * variance + covariance
    assert float(siamese.vicreg(a, b)) == pytest.approx(wanted)
