"""The certificate that clients of the instance see."""

from shared.metrics.families import gauge_family

EXPIRY = gauge_family("tls_certificate_expiry_timestamp_seconds", "When the certificate of APP_URL ends.")
PROBE_SECONDS = 3600.0
