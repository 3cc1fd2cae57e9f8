"""The page of the operator: clients, devices and deployments; plain HTML without scripts."""

from html import escape
from urllib.parse import urlencode

from wos_reference.wos.overview import AT_ONCE, ClientLine, DeploymentLine, DeviceLine

MEDIA_TYPE = "text/html; charset=utf-8"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1b1f24; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .3rem; overflow-wrap: anywhere; }
p { margin: .2rem 0; color: #57606a; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; }
caption { text-align: left; color: #57606a; padding: .2rem 0; }
th, td { border-bottom: 1px solid #d0d7de; padding: .3rem .6rem; text-align: left; vertical-align: top; }
th { font-weight: 600; background: #f6f8fa; } td.id { font-family: ui-monospace, monospace; font-size: .85em; }
.current { color: #116329; } .behind { color: #953800; } .failed, .retired { color: #a40e26; font-weight: 600; }
"""


def page(clients: list[ClientLine], now: int) -> str:
    """The whole page; `now` in seconds since 1970."""
    body = "".join(_client(client, now) for client in clients) or "<p>No client was ever admitted.</p>"
    if len(clients) == AT_ONCE:
        body += f'<p><a href="?{urlencode({"after": clients[-1].spiffe_id})}">More clients</a></p>'
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Reference WOS</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="refresh" content="10">'
        f"<style>{_STYLE}</style></head><body><h1>Reference WOS</h1>{body}</body></html>"
    )


def _client(client: ClientLine, now: int) -> str:
    admitted = "admitted" if client.admitted else '<span class="retired">retired</span>'
    seen = f"asked {age(client.seen_at, now)}" if client.seen_at else "has never asked"
    return (
        f"<section><h2>{escape(client.spiffe_id)}</h2>"
        f"<p>{admitted}; manifest version {client.version}; {seen}</p>"
        + _table("Devices", ("Device", "Announced"), [_device(device, now) for device in client.devices])
        + _table(
            "Deployments",
            ("Deployment", "Application", "Device", "State", "Adopted", "Target", "Reported"),
            [_deployment(deployment, now) for deployment in client.deployments],
        )
        + "</section>"
    )


def _table(caption: str, heads: tuple[str, ...], rows: list[str]) -> str:
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _device(device: DeviceLine, now: int) -> str:
    return f'<tr><td class="id">{escape(device.device_id)}</td><td>{age(device.announced_at, now)}</td></tr>'


def _deployment(line: DeploymentLine, now: int) -> str:
    kind = "current" if line.is_current else "failed" if line.state == "failed" else "behind"
    wanted = "withdrawn" if line.withdrawn else str(line.target)
    adopted = "–" if line.adopted is None else str(line.adopted)
    return (
        f'<tr><td class="id">{escape(line.deployment_id)}</td><td>{escape(line.application)}</td>'
        f'<td class="id">{escape(line.device_id)}</td><td class="{kind}">{escape(line.state)}</td>'
        f"<td>{adopted}</td><td>{wanted}</td><td>{age(line.reported_at, now)}</td></tr>"
    )


def age(moment: int | None, now: int) -> str:
    """How long ago something was, in the largest unit that fits."""
    if moment is None:
        return "never"
    seconds = max(0, now - moment)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"
