"""Which traces are recorded, and how little a client has to say about it."""

import pytest

from shared.tracing import Traceparent
from shared.tracing.sampling import Allowance, Sampling

SECRET = "one secret of an instance, as long as it must be"
IDS = [f"{number:032x}" for number in range(1, 4001)]


def sampling(ratio: float, secret: str = SECRET, asked: int = 0, a_second: float = 1e6) -> Sampling:
    return Sampling(ratio, secret, a_second, Allowance(asked, lambda: 0.0))


def chosen(judge: Sampling, ids: list[str] = IDS) -> set[str]:
    return {trace_id for trace_id in ids if judge.decide(trace_id, None, is_trusted=False)}


@pytest.mark.parametrize(
    ("ratio", "least", "most"), [(0.0, 0, 0), (0.1, 300, 500), (0.5, 1850, 2150), (1.0, 4000, 4000)]
)
def test_the_ratio_is_the_part_that_is_recorded(ratio: float, least: int, most: int) -> None:
    assert least <= len(chosen(sampling(ratio))) <= most


def test_all_processes_of_an_instance_choose_the_same() -> None:
    assert chosen(sampling(0.1)) == chosen(sampling(0.1))


def test_without_the_secret_nobody_knows_which_ids_are_chosen() -> None:
    ours, others = chosen(sampling(0.5)), chosen(sampling(0.5, "another secret"))
    assert 800 <= len(ours & others) <= 1200


def test_who_is_not_recorded_outside_is_not_recorded_here() -> None:
    judge = sampling(1.0)
    assert not judge.decide(IDS[0], Traceparent(IDS[0], "1" * 16, sampled=False), is_trusted=False)


def test_what_we_wrote_down_ourselves_counts() -> None:
    judge = sampling(0.0)
    assert judge.decide(IDS[0], Traceparent(IDS[0], "1" * 16, sampled=True), is_trusted=True)
    assert not sampling(1.0).decide(IDS[0], Traceparent(IDS[0], "1" * 16, sampled=False), is_trusted=True)


def test_a_client_may_ask_for_a_few_only() -> None:
    judge = sampling(0.0, asked=10)
    asked = [judge.decide(one, Traceparent(one, "1" * 16, sampled=True), is_trusted=False) for one in IDS[:100]]
    assert sum(asked) == 10


def test_one_of_ours_takes_nothing_from_what_clients_may_ask_for() -> None:
    judge = sampling(0.5, asked=1)
    ours = chosen(judge)
    assert all(judge.decide(one, Traceparent(one, "1" * 16, sampled=True), is_trusted=False) for one in ours)
    other = next(one for one in IDS if one not in ours)
    assert judge.decide(other, Traceparent(other, "1" * 16, sampled=True), is_trusted=False)
    assert not judge.decide(other, Traceparent(other, "1" * 16, sampled=True), is_trusted=False)


def test_a_flood_is_recorded_in_part_only() -> None:
    judge = sampling(1.0, a_second=50)
    assert 50 <= len(chosen(judge, IDS[:1000])) < 500
    # What another process has begun to record goes on here.
    assert judge.decide(IDS[0], Traceparent(IDS[0], "1" * 16, sampled=True), is_trusted=False)


def test_an_allowance_grows_back_and_saves_no_more_than_a_second() -> None:
    now = [0.0]
    allowance = Allowance(2, lambda: now[0])
    assert [allowance.take() for _ in range(3)] == [True, True, False]
    now[0] = 0.5
    assert [allowance.take() for _ in range(2)] == [True, False]
    now[0] = 1000.0
    assert [allowance.take() for _ in range(3)] == [True, True, False]
