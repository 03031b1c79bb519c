"""Rules of the gateway that know neither HTTP framework nor database."""
