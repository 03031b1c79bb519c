"""What is counted of log lines and of error reports."""

from prometheus_client import Counter

from shared.metrics import REGISTRY

LOG_LINES = Counter("log_lines", "Log lines written.", ("level",), registry=REGISTRY)
LOG_LINES_DROPPED = Counter("log_lines_dropped", "Log lines that nobody took away in time.", registry=REGISTRY)
ERROR_REPORTS = Counter(
    "error_reports", "Error reports to Sentry: sent, failed, or dropped before.", ("outcome",), registry=REGISTRY
)
