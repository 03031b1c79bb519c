"""One person's work of each class of route, prepared while all is well, to be asked for when something is away."""

import itertools
from collections.abc import Callable
from typing import Any

import httpx

from ..adversarial.places import Place
from ..adversarial.wire import own_address
from ..e2e.api import PASSWORD, Api

CSV = b"a,b,y\n" + b"".join(b"%d,%d,%d\n" % (n % 7, n % 5, n * 3 + n % 4) for n in range(120))
ROWS = [{"a": 3, "b": 4}]
LONGEST_SECONDS = 150.0


class Desk:
    """Everything that a request of a class needs; `ask` sends one, and each is another one to every cache."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.api = Api(place.gateway, own_address()).signed_up()
        self.api.client.timeout = httpx.Timeout(LONGEST_SECONDS)
        self.admin = Api(place.gateway, own_address())
        values = place.instance.values
        self.admin.log_in(values["ADMIN_EMAIL"], values["ADMIN_PASSWORD"])
        self.admin.client.timeout = self.api.client.timeout
        self.outside = httpx.Client(base_url=place.gateway, timeout=LONGEST_SECONDS)
        self._number = itertools.count(1)
        self._asked: list[str] = []
        self.project = self.api.project()
        self.dataset = self.api.upload(self.project, CSV)
        self.task = self.api.analyse(self.dataset, "describe", {})
        self.model = self._trained()
        self.lay_aside()
        self._subject = {"project_id": self.project, "dataset_id": self.dataset["id"]}
        self.classes: dict[str, Callable[[], httpx.Response]] = {
            "log in": self._log_in,
            "refresh": self._refresh,
            "who am I": lambda: self.api.client.get("/auth/me"),
            "read": lambda: self.api.client.get(f"/datasets/{self.dataset['id']}"),
            "rows": self._rows,
            "write": lambda: self._post("/projects", {"name": f"Project {next(self._number)}"}),
            "upload": self._upload,
            "download": lambda: self.api.client.get(f"/datasets/{self.dataset['id']}/download", params={"raw": "true"}),
            "cold": lambda: self.api.client.get(f"/datasets/{self._aside}/download", params={"raw": "true"}),
            "query": self._query,
            "submit": lambda: self._post("/analysis", self._subject | {"type": "describe", "seed": next(self._number)}),
            "task": lambda: self.api.client.get(f"/tasks/{self.task['id']}"),
            "events": lambda: self.api.client.get(f"/tasks/{self.task['id']}/events"),
            "predict": lambda: self._post(f"/models/{self.model}/predict", {"rows": ROWS}),
            "job": self._job,
            "ask": self._ask,
            "administer": lambda: self.admin.client.get("/users"),
            "health": lambda: self.outside.get("/health"),
            "ready": lambda: self.outside.get("/ready"),
            "metrics": lambda: self.outside.get("/metrics"),
        }

    def lay_aside(self) -> None:
        """A dataset of which no service has a copy at hand any more; copies are named by their content."""
        cache = self._place.instance.run / "cache"
        known = set(cache.iterdir())
        number = next(self._number)
        self._aside = self.api.upload(self.project, CSV + b"%d,1,1\n" % number, f"aside-{number}.csv")["id"]
        for copy in set(cache.iterdir()) - known:
            copy.unlink()

    def warm_up(self) -> None:
        """Ask for everything once: who computes is only started by the first who asks."""
        for ask in self.classes.values():
            ask()
        self.call_off()

    def call_off(self) -> None:
        """Cancel the questions: nobody is there to answer them, and who comes later has the model to themselves."""
        while self._asked:
            self.api.client.post(f"/tasks/{self._asked.pop()}/cancel")

    def close(self) -> None:
        for client in (self.api.client, self.admin.client, self.outside):
            client.close()

    def _trained(self) -> str:
        order = {"project_id": self.project, "dataset_id": self.dataset["id"], "target": "y", "algorithm": "linear"}
        task: dict[str, Any] = self.api.ok("POST", "/models/train", params={"wait": 60}, json=order)
        while task["status"] not in ("succeeded", "failed", "cancelled"):
            task = self.api.ok("GET", f"/tasks/{task['id']}", params={"wait": 30})
        return str(self.api.result(task)["summary"]["model_id"])

    def _post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return self.api.client.post(path, json=body)

    def _log_in(self) -> httpx.Response:
        body = {"email": self.api.email, "password": PASSWORD}
        return self.outside.post("/api/v1/auth/login", json=body)

    def _refresh(self) -> httpx.Response:
        answer = self.outside.post("/api/v1/auth/refresh", json={"refresh_token": self.api.tokens["refresh_token"]})
        if answer.is_success:
            self.api.tokens = answer.json()
        return answer

    def _upload(self) -> httpx.Response:
        files = {"file": (f"of-{next(self._number)}.csv", CSV, "text/csv")}
        return self.api.client.post("/upload/file", params={"wait": 0}, data={"project_id": self.project}, files=files)

    def _rows(self) -> httpx.Response:
        params = {"limit": "5", "columns": "a", "filter": f"b < {next(self._number)}"}
        return self.api.client.get(f"/datasets/{self.dataset['id']}/rows", params=params)

    def _query(self) -> httpx.Response:
        sql = f"SELECT sum(y) + {next(self._number)} AS n FROM data"  # noqa: S608 - a number of our own
        return self._post("/process/query", {"project_id": self.project, "sql": sql})

    def _job(self) -> httpx.Response:
        order = {"job": "bootstrap", "params": {"column": "y", "statistic": "median"}, "executor": "ray"}
        return self._post("/tasks", self._subject | order | {"seed": next(self._number)})

    def _ask(self) -> httpx.Response:
        question = f"How many rows have an a above {next(self._number)}?"
        body = {"project_id": self.project, "dataset_ids": [self.dataset["id"]], "question": question}
        answer = self.api.client.post("/analysis/ask", params={"wait": 0}, json=body)
        if answer.is_success:
            self._asked.append(answer.json()["id"])
        return answer
