"""The sequences of the table as diagrams that Markdown viewers draw (Mermaid)."""

from wos_conformance.responsibility.matrix import WRITTEN
from wos_conformance.responsibility.table import PARTIES, Party, Sequence, Step, Table


def as_markdown(table: Table) -> str:
    """All sequences, with the rows that their steps carry out."""
    return "\n\n".join(["# Sequences", WRITTEN, *map(_section, table.sequences)]) + "\n"


def _section(sequence: Sequence) -> str:
    rows = list(dict.fromkeys(f"`{step.row}`" for step in sequence.steps))
    return f"## {sequence.title}\n\n{sequence.says}\n\n{diagram(sequence)}\n\nRows: {', '.join(rows)}."


def diagram(sequence: Sequence) -> str:
    """One sequence as a block of Mermaid."""
    seen = {party for step in sequence.steps for party in (step.source, step.to, step.at)}
    lines = [f"  participant {_name(party)} as {party}" for party in PARTIES if party in seen]
    lines += [f"  {_line(step)}" for step in sequence.steps]
    return "\n".join(["```mermaid", "sequenceDiagram", *lines, "```"])


def _line(step: Step) -> str:
    if step.at:
        return f"Note over {_name(step.at)}: {step.note}"
    assert step.source
    assert step.to
    if step.answer:
        return f"{_name(step.source)}-->>{_name(step.to)}: {step.answer}"
    return f"{_name(step.source)}->>{_name(step.to)}: {step.over.removeprefix('off-wire: ')} – {step.says}"


def _name(party: Party) -> str:
    return party.replace("-", "_")
