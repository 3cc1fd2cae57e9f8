"""JUnit XML with one test case per requirement, made from the report alone."""

from typing import Any
from xml.etree import ElementTree as ET


def junit_bytes(report: dict[str, Any]) -> bytes:
    """The report as JUnit XML (UTF-8). A rule that is not tested or not applicable is `skipped`, with the reason."""
    rows = report["requirements"]
    suite = ET.Element("testsuite", name=f"wos-conformance {report['run']['role']}", tests=str(len(rows)))
    for state, attribute in (("failed", "failures"), ("error", "errors")):
        suite.set(attribute, str(sum(row["state"] == state for row in rows)))
    suite.set("skipped", str(sum(row["state"] in {"not-tested", "not-applicable"} for row in rows)))
    for row in rows:
        suite.append(_case(row))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _case(row: dict[str, Any]) -> ET.Element:
    area, _, slug = row["id"].partition(".")
    case = ET.Element("testcase", classname=f"{row['role']}.{area}", name=slug)
    if row["state"] == "failed":
        failure = ET.SubElement(case, "failure", type=row["level"], message=_xml_safe(row["first_broken"]["received"]))
        failure.text = _xml_safe(row["first_broken"]["text"])
    elif row["state"] == "error":
        ET.SubElement(case, "error", message=_xml_safe(row["reason"]))
    elif row["state"] in {"not-tested", "not-applicable"}:
        ET.SubElement(case, "skipped", message=_xml_safe(f"{row['state']}: {row['reason']}"))
    return case


def _xml_safe(text: str) -> str:
    """XML 1.0 has no way to write control characters and lone surrogates; show them as escapes."""
    return "".join(
        c if c in "\t\n" or " " <= c < "\ud800" or "\ue000" <= c <= "\ufffd" or c > "\uffff" else ascii(c)[1:-1]
        for c in text
    )
