"""What is written down about changes to judges that no story notices speaks of code that is there."""

from pathlib import Path

from weakness.explained import explained
from wos_conformance import judges

ROOT = Path(judges.__file__).parent


def test_explained_changes_are_changes_of_code_that_is_there() -> None:
    """In the module that is named there is the function and the line as it was; nothing is explained twice."""
    for module, change in explained():
        function, _, told = change.partition(": ")
        text = " ".join((ROOT / module).read_text("utf-8").split())
        assert function == "module" or f"def {function}(" in text, f"{module} has no function {function}"
        places = [at for at in range(len(told)) if told.startswith(" -> ", at)]
        assert any(told[:at] in text for at in places), f"{module}: nothing reads {told!r}; see `make weak-judges`"
