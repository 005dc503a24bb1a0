"""The store, a class for each thing kept; all four stand on one database."""

from services.user.repository.accounts import Accounts, EmailTaken
from services.user.repository.attempts import Attempts
from services.user.repository.keys import SigningKeys
from services.user.repository.sessions import Sessions

__all__ = ["Accounts", "Attempts", "EmailTaken", "Sessions", "SigningKeys"]
