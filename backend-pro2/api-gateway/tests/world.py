"""The use cases of /auth over fakes."""

from uuid import UUID

from shared.auth import TokenCodec
from shared.models.user import LoggedIn

from ..app.schemas.auth import Registration, Tokens
from ..app.services.auth import Authentication, Client
from ..app.services.login_guard import LoginGuard
from ..app.services.password_check import PasswordCheck
from ..app.services.passwords import Passwords
from ..app.services.refreshes import Refreshes
from ..app.services.verifications import Verifications
from .fakes import Clock, CountingHasher, FakeCache, FakeDatabase, unit_settings
from .fakes_auth import AwayRedis, Mail

PASSWORD = "correct horse battery"
EMAIL = "ada@example.com"
HERE = Client("192.0.2.1", "test")


class World:
    """Everything that /auth does, with the servers played by dictionaries."""

    def __init__(self, **settings: object) -> None:
        self.settings = unit_settings(**settings)
        self.database = FakeDatabase()
        self.hasher = CountingHasher(self.settings)
        self.codec = TokenCodec(self.settings)
        self.cache = FakeCache()
        self.clock = Clock()
        self.wakes = 0
        begin = self.database.unit_of_work()
        self.guard = LoginGuard(AwayRedis(), self.settings, lambda: self.clock.now.timestamp())
        check = PasswordCheck(self.hasher, self.guard)
        self.auth = Authentication(
            begin, self.hasher, check, self.codec, self.cache, self.wake, self.settings, self.clock
        )
        self.refreshes = Refreshes(begin, self.codec, self.cache, self.settings, self.clock)
        self.passwords = Passwords(begin, self.hasher, check, self.guard, self.cache, self.wake, self.settings)
        self.verifications = Verifications(begin, self.wake)

    def wake(self) -> None:
        self.wakes += 1

    @property
    def mails(self) -> list[Mail]:
        return self.database.tables.auth.mails

    async def register(self, email: str = EMAIL, full_name: str | None = None) -> UUID:
        user = await self.auth.register(Registration(email=email, password=PASSWORD, full_name=full_name))
        return user.id

    async def login(self, password: str = PASSWORD, client: Client = HERE) -> Tokens:
        return await self.auth.login(EMAIL, password, client)

    async def caller(self) -> LoggedIn:
        """Ada, in a new session."""
        claims = self.codec.read_access((await self.login()).access_token)
        return LoggedIn(claims.user_id, EMAIL, "user", claims.session_id)

    def session_of(self, tokens: Tokens) -> UUID:
        return self.codec.read_access(tokens.access_token).session_id

    def revoked(self, tokens: Tokens) -> str | None:
        return self.database.tables.sessions[self.session_of(tokens)].revoked
