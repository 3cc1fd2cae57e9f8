"""Changes to judges that no story notices, each with the reason, or with the word that nobody has looked at it yet."""

from pathlib import Path
from typing import Any

import yaml

EXPLAINED = Path(__file__).with_name("explained.yaml")
OPEN = "open"
"""What stands in place of a reason as long as neither a reason nor a story is there."""
Key = tuple[str, str]
"""The module below `judges/`, and what is changed where."""


def explained() -> dict[Key, str]:
    """The reason for each change that is not noticed.

    Raises:
        ValueError: a change is explained twice, or with nothing.
    """
    groups: list[dict[str, Any]] = yaml.safe_load(EXPLAINED.read_text("utf-8")) or []
    found: dict[Key, str] = {}
    for group in groups:
        for module, changes in group["changes"].items():
            for change in changes:
                if (module, change) in found or not group["reason"].strip():
                    raise ValueError(f"{module}: {change}: is explained twice, or with nothing")
                found[module, change] = group["reason"]
    return found
