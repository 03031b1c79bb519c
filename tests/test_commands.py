"""Every command that README and guide show is executed by a test named here, or needs what tests do not have."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BACKUP = "tests/e2e/test_backup.py::test_everything_comes_back_elsewhere"
PROJECTS = "tests/test_projects.py::test_an_instance_is_made_whole_and_removed_without_a_trace"
ADMINISTRATORS = "backend-pro1/api-gateway/tests/test_create_admin.py"
EVALUATION = "tests/e2e/test_evaluation.py"
DRILLS = "tests/e2e/test_drills.py"
LOGS = "tests/e2e/test_logs.py"
RESTORE = "tests/instances/test_restore.py"
ENGINE = "an engine with images of two versions; its steps: tests/instances/test_upgrade.py"
REGISTRY = "a registry of one's own"
SCANNER = "a scanner of images with its feed"
# What a test executes, by the command and those of its options that make it another one.
EXECUTED = {
    "alembic current": "backend-pro1/shared/tests/test_schema.py::test_init_db_and_migrations_give_the_same_schema",
    "backup.sh": BACKUP,
    "backup.sh --to": BACKUP,
    "check-deployments.sh": "tests/deployments/test_check_command.py::test_it_fails_when_there_is_one",
    "check-isolation.sh": "tests/e2e/test_isolation.py::test_every_crossing_is_refused_and_nobody_stays_behind",
    "create-admin.sh": f"{ADMINISTRATORS}::test_makes_somebody_who_can_administer",
    "create-admin.sh --promote": f"{ADMINISTRATORS}::test_an_account_that_exists_is_promoted_on_demand_only",
    "demo.sh": "tests/e2e/test_demo.py::test_the_demo_prints_its_requests_and_the_result",
    "drill.sh backup": f"{DRILLS}::test_a_destroyed_instance_comes_back_from_its_backup",
    "drill.sh keys": f"{DRILLS}::test_a_new_secret_key_ends_no_session",
    "evaluate-llm.sh": f"{EVALUATION}::test_a_good_model_has_all_right",
    "evaluate-llm.sh --limit": f"{EVALUATION}::test_lies_are_struck_and_the_tables_stay_right",
    "evaluate-llm.sh --least --report": f"{EVALUATION}::test_too_few_right_answers_are_an_error",
    "logs.sh": "tests/e2e/test_local_mode.py::test_logs_are_one_json_object_a_line",
    "logs.sh --request": f"{LOGS}::test_one_request_is_found_in_every_service_with_the_task_that_it_made",
    "new-project.sh": PROJECTS,
    "promtool check": "tests/monitoring/test_promtool.py::test_rules_are_understood",
    "promtool test": "tests/monitoring/test_promtool.py::test_alerts_fire_and_do_not_fire_as_their_tests_say",
    "remove-project.sh": PROJECTS,
    "restore.sh --from": BACKUP,
    "start-dev.sh": "tests/e2e/test_local_mode.py::test_a_second_start_changes_nothing",
    "start-dev.sh --docker": "tests/containers/test_up.py::test_a_second_start_changes_nothing",
    "status.sh": "tests/e2e/test_local_mode.py::test_every_part_is_green",
    "stop-dev.sh": "tests/containers/test_data.py::test_data_is_kept_over_down_and_up",
}
# What no test executes, and why.
NEEDS = {
    "backup.sh --keep": "backups of several days; which of them go: tests/instances/test_backup.py",
    "docker build": REGISTRY,
    "docker compose config": SCANNER,
    "docker compose up": "an engine and several workers",
    "docker image inspect": REGISTRY,
    "docker push": REGISTRY,
    "drill.sh disk": "root, and minutes; its parts: tests/drills/test_parts.py",
    "drill.sh upgrade": "the history of this checkout, and minutes; its parts: tests/drills/test_checkout.py",
    "fuzz.sh": "up to an hour; short profiles of all campaigns are among the tests",
    "git pull": "a newer version somewhere",
    "kubectl": "a cluster",
    "restore.sh --check --from": f"a backup at that place; its check: {RESTORE}",
    "restore.sh --from --replace": f"an instance that may be lost; its steps: {RESTORE}",
    "setup.sh": "a machine without the environment: what scripts/test.sh and .ci/run begin with",
    "soak.sh": "an hour",
    "test.sh": "nothing: it is what runs the tests",
    "trivy image": SCANNER,
    "upgrade.sh": ENGINE,
    "upgrade.sh --back": ENGINE,
    "upgrade.sh --check": ENGINE,
}
# Options that choose whom or how long, not what is done.
NEUTRAL = {"--project", "--email", "--yes"}
SUBCOMMANDS = {"docker": 2, "drill.sh": 1, "promtool": 1, "trivy": 1, "git": 1}


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a document, as one line."""

    document: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}: {self.text[:60]}"

    @property
    def words(self) -> list[str]:
        """The words of its first program."""
        words = shlex.split(self.text.strip("()").rpartition("&& ")[2], comments=True)
        return words[: words.index("|")] if "|" in words else words

    @property
    def kind(self) -> str:
        """The program, its subcommand, and the options that make it another command."""
        program, *rest = self.words
        name = Path(program).name
        if name == "alembic":
            return f"alembic {rest[-1]}"
        if program.startswith("./scripts/"):
            options = {word for word in rest if word.startswith("--")} - NEUTRAL
            return " ".join([name, *rest[: SUBCOMMANDS.get(name, 0)], *sorted(options)])
        wanted = 1 if name == "docker" and rest[0] in {"build", "push"} else SUBCOMMANDS.get(name, 0)
        return " ".join([name, *rest[:wanted]])


def commands() -> Iterator[Command]:
    """Every command of a fenced block of bash."""
    for document in ("README.md", "DEPLOYMENT_GUIDE.md"):
        text = (ROOT / document).read_text()
        for block in re.findall(r"^ *```bash\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL):
            yield from (Command(document, line) for line in whole_lines(block))


def whole_lines(block: str) -> Iterator[str]:
    """Lines joined where a backslash ends one, or a quotation goes on in the next."""
    begun = ""
    for line in re.sub(r"\\\n\s*", "", block).splitlines():
        begun = f"{begun} {line.strip()}".strip()
        try:
            shlex.split(begun, comments=True)
        except ValueError:
            continue
        if begun:
            yield begun
        begun = ""


ALL = list(commands())
CALLS = [command for command in ALL if "curl " in command.text]
SETTINGS = [command for command in ALL if re.match(r"[A-Z][A-Z0-9_]*=", command.text)]
OTHERS = [
    command
    for command in ALL
    if command not in CALLS and command not in SETTINGS and not re.match(r"cd |printf |[a-z]+=", command.text)
]


def test_all_blocks_are_read() -> None:
    assert min(len(CALLS), len(SETTINGS), len(OTHERS)) > 5


def test_a_command_is_executed_or_says_what_it_needs() -> None:
    unknown = [str(command) for command in OTHERS if command.kind not in EXECUTED.keys() | NEEDS.keys()]
    assert unknown == [], "name their tests in EXECUTED, or what they need in NEEDS"
    assert EXECUTED.keys() & NEEDS.keys() == set()


def test_nothing_is_listed_that_no_document_shows() -> None:
    assert (EXECUTED.keys() | NEEDS.keys()) - {command.kind for command in OTHERS} == set()


@pytest.mark.parametrize("test", sorted(set(EXECUTED.values())))
def test_the_tests_that_are_named_exist(test: str) -> None:
    file, _, name = test.partition("::")
    assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE)


@pytest.mark.parametrize("need", sorted(set(NEEDS.values())))
def test_files_that_needs_name_exist(need: str) -> None:
    named = re.findall(r"[\w.]+/[\w./-]*\w", need)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_settings_that_are_set_exist() -> None:
    listed = (ROOT / "docs" / "settings.md").read_text()
    names = [command.text.partition("=")[0] for command in SETTINGS]
    assert [name for name in names if f"| `{name}` |" not in listed] == []


@cache
def operations() -> dict[tuple[str, str], str]:
    """Operation ids by method and the gateway's path, in which each parameter is a star."""
    links = (ROOT / "backend-pro1" / "shared" / "links.py").read_text()
    routes = re.findall(r'GatewayRoute\("(\S+)", "\S+", "(\S+)"\)', links)
    found: dict[tuple[str, str], str] = {}
    for file in (ROOT / "docs" / "openapi").glob("*.json"):
        for path, item in json.loads(file.read_text())["paths"].items():
            public = next((new + path.removeprefix(old) for new, old in routes if path.startswith(old)), path)
            entries = {method.upper(): entry["operationId"] for method, entry in item.items() if "operationId" in entry}
            found |= {(method, re.sub(r"\{\w+\}", "*", public)): name for method, name in entries.items()}
    return found


def called(text: str) -> tuple[str, str] | None:
    """Method and path of a call by curl; None if it follows a link of the answer before."""
    address = re.search(r"\$base(/[^\s\"?]+)", text)
    if address is None:
        return None
    method = re.search(r"-X (\w+)", text)
    posts = "POST" if re.search(r" -[dF] ", text) else "GET"
    return method[1] if method else posts, "/api/v1" + re.sub(r"\$\w+", "*", address[1])


def test_calls_are_of_operations_that_the_tests_of_access_make() -> None:
    rules = "".join((ROOT / "tests" / "adversarial" / name).read_text() for name in ("rules.py", "ai_rules.py"))
    found = {str(command): operations().get(call) for command in CALLS if (call := called(command.text))}
    assert len(found) > 8
    assert [command for command, name in found.items() if name is None or f'"{name}"' not in rules] == []
