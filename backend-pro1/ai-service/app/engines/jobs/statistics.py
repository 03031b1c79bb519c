"""Statistics that are resampled, each over one or two arrays of numbers, with what the jackknife says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..source import FloatArray

Samples = Sequence[FloatArray]
Statistic = Callable[[Samples], float]


def mean(samples: Samples) -> float:
    """Arithmetic mean of the first."""
    return float(samples[0].mean())


def median(samples: Samples) -> float:
    """Median of the first."""
    return float(np.median(samples[0]))


def deviation(samples: Samples) -> float:
    """Sample standard deviation of the first."""
    return float(samples[0].std(ddof=1))


def correlation(samples: Samples) -> float:
    """Pearson's coefficient of two columns of the same rows; NaN if one is constant."""
    x, y = samples[0] - samples[0].mean(), samples[1] - samples[1].mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale > 0 else float("nan")


def difference_in_means(samples: Samples) -> float:
    """Mean of the first group less that of the second."""
    return float(samples[0].mean() - samples[1].mean())


STATISTICS: Mapping[str, Statistic] = {
    "mean": mean,
    "median": median,
    "std": deviation,
    "correlation": correlation,
    "difference_in_means": difference_in_means,
}


def left_out(statistic: str, samples: Samples) -> list[FloatArray]:
    """Values of the statistic with one row left out, an array for each independent sample."""
    return _LEFT_OUT[statistic](samples)


def _mean_left_out(values: FloatArray) -> FloatArray:
    answer: FloatArray = (values.sum() - values) / (len(values) - 1)
    return answer


def _median_left_out(values: FloatArray) -> FloatArray:
    order = np.argsort(values, kind="stable")
    ordered, middle = values[order], len(values) // 2
    answer = np.empty(len(values))
    if len(values) % 2 == 0:
        # Of an odd number of values that are left, the one in the middle.
        answer[order[:middle]], answer[order[middle:]] = ordered[middle], ordered[middle - 1]
        return answer
    below, at, above = ordered[middle - 1], ordered[middle], ordered[middle + 1]
    answer[order[:middle]] = (at + above) / 2
    answer[order[middle]] = (below + above) / 2
    answer[order[middle + 1 :]] = (below + at) / 2
    return answer


def _deviation_left_out(values: FloatArray) -> FloatArray:
    n, deviations = len(values), values - values.mean()
    squares = deviations @ deviations - deviations**2 * n / (n - 1)
    answer: FloatArray = np.sqrt(np.maximum(squares, 0) / (n - 2))
    return answer


def _correlation_left_out(first: FloatArray, second: FloatArray) -> FloatArray:
    n, x, y = len(first), first - first.mean(), second - second.mean()
    share = n / (n - 1)
    xx, yy, xy = x @ x - share * x * x, y @ y - share * y * y, x @ y - share * x * y
    answer: FloatArray = xy / np.sqrt(xx * yy)
    return answer


def _difference_left_out(first: FloatArray, second: FloatArray) -> list[FloatArray]:
    return [_mean_left_out(first) - second.mean(), first.mean() - _mean_left_out(second)]


_LEFT_OUT: Mapping[str, Callable[[Samples], list[FloatArray]]] = {
    "mean": lambda samples: [_mean_left_out(samples[0])],
    "median": lambda samples: [_median_left_out(samples[0])],
    "std": lambda samples: [_deviation_left_out(samples[0])],
    "correlation": lambda samples: [_correlation_left_out(samples[0], samples[1])],
    "difference_in_means": lambda samples: _difference_left_out(samples[0], samples[1]),
}
