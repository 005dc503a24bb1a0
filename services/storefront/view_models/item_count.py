"""How many things, in words."""


def format_item_count(count: int) -> str:
    return "1 thing" if count == 1 else f"{count} things"
