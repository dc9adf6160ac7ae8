"""The study group's experiment: its log hangs together, and the run does what the group's script did, in its order."""

import pytest
import torch
from torch import Tensor

from helpers import group, losses
from helpers.group import Outcome, run
from helpers.models import StudyGroupEncoder

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    torch.set_num_threads(1)
    return run(5, steps=3)


def written_out(seed: int, steps: int) -> tuple[list[float], Tensor]:
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
        return printed, (encoder(a) * encoder(b)).sum(-1)  # unit vectors: the dot product is the cosine


# --- the log ---------------------------------------------------------------------------------------


def test_the_log_is_as_long_as_the_settings_say() -> None:
    assert len(group.LOSSES) == group.STEPS == 10
    assert len(group.LABELS) == len(group.PROBABILITIES) == group.TEST_PAIRS == 8


def test_the_log_s_accuracy_follows_from_its_table() -> None:
    right = [(p > 0.5) == bool(label) for p, label in zip(group.PROBABILITIES, group.LABELS, strict=True)]
    assert sum(right) / len(right) == group.ACCURACY == 0.125


# --- the run ---------------------------------------------------------------------------------------


def test_shapes(outcome: Outcome) -> None:
    assert outcome.losses.shape == (3,)
    assert outcome.train_cosines.shape == (4, 16)
    assert outcome.train_same.shape == (16,)
    for values in (outcome.test_same, outcome.test_cosines_before, outcome.test_cosines, outcome.predictions):
        assert values.shape == (8,)


def test_it_is_the_script_from_top_to_bottom(outcome: Outcome) -> None:
    printed, cosines = written_out(5, 3)
    torch.testing.assert_close(outcome.losses, torch.tensor(printed), atol=1e-6, rtol=0)
    torch.testing.assert_close(outcome.test_cosines, cosines, atol=1e-5, rtol=0)


def test_the_losses_follow_from_the_cosines_and_labels(outcome: Outcome) -> None:
    probability = outcome.train_cosines[:-1].sigmoid()  # (3, 16)
    price = -torch.where(outcome.train_same == 1, probability, 1 - probability).log()
    torch.testing.assert_close(outcome.losses, price.mean(1), atol=1e-6, rtol=0)


def test_training_moves_the_cosines(outcome: Outcome) -> None:
    assert (outcome.train_cosines[1:] != outcome.train_cosines[0]).all()
    assert (outcome.test_cosines != outcome.test_cosines_before).all()


def test_the_same_seed_is_the_same_run_and_another_is_not(outcome: Outcome) -> None:
    again, other = run(5, steps=3), run(6, steps=3)
    assert torch.equal(again.losses, outcome.losses)
    assert torch.equal(again.test_cosines, outcome.test_cosines)
    assert not torch.equal(other.losses, outcome.losses)


def test_fewer_steps_are_the_beginning_of_more(outcome: Outcome) -> None:
    short = run(5, steps=1)
    assert torch.equal(short.losses, outcome.losses[:1])
    assert torch.equal(short.train_cosines, outcome.train_cosines[:2])


def test_more_test_pairs_leave_the_training_alone(outcome: Outcome) -> None:
    larger = run(5, steps=3, n_test=12)
    assert larger.test_cosines.shape == (12,)
    assert torch.equal(larger.train_cosines, outcome.train_cosines)


def test_the_number_of_training_pairs_can_be_set() -> None:
    assert run(5, steps=1, n_train=4).train_cosines.shape == (2, 4)


def test_the_learning_rate_is_how_far_an_update_goes() -> None:
    tiny, usual = (run(5, steps=1, n_train=4, n_test=1, lr=lr) for lr in (1e-9, 1e-3))
    moved = [float((o.train_cosines[1] - o.train_cosines[0]).abs().max()) for o in (tiny, usual)]
    assert moved[0] < 1e-4
    assert moved[1] > 1e-2


def test_torch_s_random_state_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    run(5, steps=1, n_train=2, n_test=1)
    assert torch.equal(torch.random.get_rng_state(), before)


# --- what is read off an outcome -------------------------------------------------------------------


def made_up(cosines: list[float], same: list[float]) -> Outcome:
    nothing = torch.zeros(1)
    return Outcome(nothing, nothing, nothing, torch.tensor(same), nothing, torch.tensor(cosines))


def test_answers_and_accuracy_of_a_made_up_run() -> None:
    mixed = made_up([0.9, -0.1, 0.0, 0.2], [1, 1, 0, 0])  # a cosine of 0 is not above the threshold
    assert mixed.predictions.tolist() == [1, 0, 0, 1]
    assert mixed.accuracy == 0.5
    assert not mixed.constant


@pytest.mark.parametrize(("cosine", "accuracy"), [(0.9, 0.125), (-0.9, 0.875)])
def test_a_constant_answer_scores_the_share_of_its_label(cosine: float, accuracy: float) -> None:
    constant = made_up([cosine] * 8, list(group.LABELS))
    assert constant.constant
    assert constant.accuracy == accuracy


def test_the_probability_of_a_cosine_stays_in_its_narrow_range() -> None:
    ends = made_up([-1.0, 0.0, 1.0], [0, 0, 0]).probabilities
    torch.testing.assert_close(ends, torch.tensor([0.26894, 0.5, 0.73106]), atol=1e-5, rtol=0)
