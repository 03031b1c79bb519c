"""The known answers of the question set once more, by pandas: an independent way from data to values."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

# Frames; the stubs of pandas take some of what becomes of them for series.
Frames = Mapping[str, Any]
Recipe = Callable[[Frames], Any]


def only(**values: object) -> Any:
    """One row."""
    return pd.DataFrame([values])


def share_of_rises(data: Frames) -> Any:
    change = data["macro"].sort_values(["year", "quarter"])["realgdp"].diff().dropna()
    return only(share=(change < 0).mean())


def growth_by_decade(data: Frames) -> Any:
    years = data["macro"].groupby("year", as_index=False)["infl"].mean()
    years["decade"] = years["year"] // 10 * 10
    return years.groupby("decade", as_index=False)["infl"].mean()


def best_year_of_each_firm(data: Frames) -> Any:
    frame = data["firms"]
    return frame.loc[frame.groupby("firm")["invest"].idxmax(), ["firm", "year", "invest"]]


def above_their_kind(data: Frames) -> Any:
    frame = data["iris"]
    above = frame["petal_length"] > frame.groupby("species")["petal_length"].transform("mean")
    return frame[above].groupby("species", as_index=False).size()


def invested_of_gnp(data: Frames) -> Any:
    total = data["firms"].groupby("year", as_index=False)["invest"].sum()
    both = total.merge(data["economy"], on="year").sort_values("year")
    return both.assign(share=both["invest"] / both["gnp"])[["year", "share"]]


def largest_share(data: Frames) -> Any:
    frame = data["firms"].query("year == 1954").nlargest(3, "invest")
    total = data["firms"].query("year == 1954")["invest"].sum()
    return frame.assign(share=frame["invest"] / total)[["firm", "share"]]


def in_years_of_work(data: Frames) -> Any:
    years = data["economy"].query("unemp < unemp.median()")["year"]
    return only(total=data["firms"].loc[data["firms"]["year"].isin(years), "invest"].sum())


def worst_fall(data: Frames) -> Any:
    frame = data["macro"].sort_values(["year", "quarter"])
    change = frame["realgdp"].pct_change()
    worst = frame.loc[change.idxmin()]
    return only(year=int(worst["year"]), quarter=int(worst["quarter"]), change=change.min())


def running_total(data: Frames) -> Any:
    frame = data["firms"].query("firm == 'IBM' and year < 1940").sort_values("year")
    return frame.assign(total=frame["invest"].cumsum())[["year", "total"]]


def more_than_twice(data: Frames) -> Any:
    frame = data["firms"].pivot_table(index="firm", columns="year", values="invest")
    return only(firms=int((frame[1954] > 2 * frame[1935]).sum()))


def quartiles_of_poverty(data: Frames) -> Any:
    frame = data["crime"].sort_values(["poverty", "state"]).reset_index(drop=True)
    size, extra = divmod(len(frame), 4)
    ends = [size * (part + 1) + min(part + 1, extra) for part in range(4)]
    frame["quartile"] = [next(part + 1 for part, end in enumerate(ends) if row < end) for row in frame.index]
    return frame.groupby("quartile", as_index=False)["murder"].mean()


RECIPES: dict[str, Recipe] = {
    # Counts, extremes and filters.
    "iris-count": lambda data: only(n=len(data["iris"])),
    "iris-species": lambda data: data["iris"].groupby("species", as_index=False).size(),
    "wine-alcohol": lambda data: only(highest=data["wine"]["alcohol"].max()),
    "crime-violent": lambda data: only(n=int((data["crime"]["violent"] > 500).sum())),
    "crime-state": lambda data: data["crime"].nlargest(1, "murder")[["state", "murder"]],
    "firms-names": lambda data: only(n=data["firms"]["firm"].nunique()),
    "macro-range": lambda data: only(first=data["macro"]["year"].min(), last=data["macro"]["year"].max()),
    "economy-year": lambda data: data["economy"].query("year == 1955")[["gnp"]],
    # Groups, orders and limits.
    "iris-petals": lambda data: data["iris"].groupby("species", as_index=False)["petal_length"].mean(),
    "wine-median": lambda data: data["wine"].groupby("cultivar", as_index=False)["proline"].median(),
    "crime-five": lambda data: data["crime"].nlargest(5, "violent")[["state"]],
    "crime-least": lambda data: data["crime"].nsmallest(3, "hs_grad")[["state", "hs_grad"]],
    "firms-total": lambda data: data["firms"].groupby("firm", as_index=False)["invest"].sum(),
    "macro-years": lambda data: (
        data["macro"].query("year >= 2005").groupby("year", as_index=False)["unemp"].mean().sort_values("year")
    ),
    "wine-kinds": lambda data: (
        data["wine"].groupby("cultivar", as_index=False)["magnesium"].mean().query("magnesium > 100")[["cultivar"]]
    ),
    "crime-rich": lambda data: only(mean=data["crime"].query("urban > 75 and poverty < 12")["murder"].mean()),
    # Shares, ratios, statistics and subqueries.
    "iris-ratio": lambda data: (
        data["iris"]
        .assign(ratio=data["iris"]["sepal_length"] / data["iris"]["sepal_width"])
        .groupby("species", as_index=False)["ratio"]
        .mean()
    ),
    "iris-above": above_their_kind,
    "wine-share": lambda data: only(share=(data["wine"]["alcohol"] > 13).mean()),
    "crime-correlation": lambda data: only(r=data["crime"]["single"].corr(data["crime"]["murder"])),
    "crime-poorest": lambda data: only(mean=data["crime"].query("poverty > poverty.mean()")["violent"].mean()),
    "wine-spread": lambda data: data["wine"].groupby("cultivar", as_index=False)["color_intensity"].std(),
    "firms-three": largest_share,
    "firms-double": more_than_twice,
    # Windows, series and several tables.
    "macro-shrinking": share_of_rises,
    "macro-decades": growth_by_decade,
    "macro-fall": worst_fall,
    "firms-best": best_year_of_each_firm,
    "firms-running": running_total,
    "crime-quartiles": quartiles_of_poverty,
    "both-share": invested_of_gnp,
    "both-work": in_years_of_work,
}
