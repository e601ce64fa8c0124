"""What a user can do something about."""


class TrainingError(Exception):
    """Bad input, in one line."""
