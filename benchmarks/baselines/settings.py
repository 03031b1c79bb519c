"""What the baseline applications read from their environment."""

import os

SECRET = os.environ.get("BASELINE_SECRET", "")
DATABASE_URL = os.environ.get("BASELINE_DATABASE_URL", "")
REDIS_URL = os.environ.get("BASELINE_REDIS_URL", "")
ALGORITHM = "HS256"
ORIGINS = ["http://localhost:3000"]
