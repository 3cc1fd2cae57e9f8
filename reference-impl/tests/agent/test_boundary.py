"""What an agent keeps its hands off: no listener, no traffic but to its WOS, no file outside its own folder."""

import json

import pytest

WATCH = """
import json, os, sys
out = os.open({trail!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
PATHS = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.chown",
         "os.truncate", "os.utime", "shutil.rmtree", "sqlite3.connect")
def watch(event, arguments):
    if event in ("os.remove", "os.rmdir") and arguments[1] != -1:
        return  # below a folder that shutil.rmtree was told to remove
    if event in PATHS or (event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES):
        note = "touch", os.fsdecode(os.fspath(arguments[0])) if not isinstance(arguments[0], int) else ""
    elif event in ("socket.connect", "socket.sendto"):
        note = "reach", repr(arguments[1])
    elif event in ("socket.bind", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"):
        note = event, repr(arguments[1:])
    else:
        return
    os.write(out, (json.dumps(note) + "\\n").encode())
sys.addaudithook(watch)
"""


@pytest.fixture
def trail(wos, agent, make, tmp_path):
    """All that an agent did which installed, updated and removed something, found an error and was stopped."""
    file = tmp_path / "trail"
    agent.start(WATCH.format(trail=str(file)))
    wos.publish(2, make.document(1))
    wos.wait_for_state(1, "installed")
    wos.publish(3, make.document(1, "1.1.0"), make.document(2), make.document(3))
    wos.wait_for_state(3, "installed")
    wos.publish(4, make.document(2, "2.0.0", device="press-8"))
    wos.wait_for_state(2, "failed")
    wos.wait_for_state(1, "removed")
    agent.stop()
    return [tuple(json.loads(line)) for line in file.read_text().splitlines()]


def test_agent_stays_in_its_own_room(wos, agent, trail):
    address = ("127.0.0.1", int(wos.url.rpartition(":")[2]))
    assert {what for kind, what in trail if kind == "reach"} == {repr(address)}
    touched = {what for kind, what in trail if kind == "touch" and what}
    assert {what.rpartition("/")[2] for what in touched} >= {"ledger.sqlite", ".mixer.new"}
    assert [what for what in touched if not f"{what}/".startswith(f"{agent.state}/")] == []
    assert {kind for kind, _ in trail} == {"reach", "touch"}
