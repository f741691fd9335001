"""What the containers may do, and what of them can be reached: less is safer."""

import urllib.error
import urllib.request

import pytest

from tests.containers.stack import Stack, docker

pytestmark = pytest.mark.timeout(1200)

PUBLIC_PORTS = {1935, 7860, 9092}


def test_only_the_console_rtmp_and_audiosocket_listen_beyond_this_machine(stack: Stack) -> None:
    published = [
        (entry["URL"], entry["TargetPort"])
        for item in stack.status()
        for entry in item["Publishers"] or []
        if entry["PublishedPort"]
    ]
    assert {port for url, port in published if url != "127.0.0.1"} == PUBLIC_PORTS
    assert {port for url, port in published if url == "127.0.0.1"} == {8080, 8081, 8082, 8090}


@pytest.mark.parametrize("port", ["INGEST_PORT", "ALERTING_PORT", "STORAGE_PORT"])
def test_an_inner_service_answers_nobody_without_the_token_of_the_suite(
    stack: Stack, port: str
) -> None:
    url = f"http://127.0.0.1:{stack.environment[port]}"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{url}/openapi.json", timeout=10)  # noqa: S310 - our own address
    assert stack.get(port, "/openapi.json")["openapi"]


def test_the_console_answers_a_key_that_was_made_in_its_container_and_nobody_else(
    stack: Stack,
) -> None:
    url = f"http://127.0.0.1:{stack.environment['CONSOLE_PORT']}/api/v1/sources"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(url, timeout=10)
    assert "items" in stack.get("CONSOLE_PORT", "/api/v1/sources")


def test_the_first_admin_finds_the_link_in_the_log(stack: Stack) -> None:
    link = stack.compose("exec", "-T", "console", "cat", "/data/console/first-sign-in").strip()
    assert "/welcome#" in link
    assert link in stack.compose("logs", "--no-color", "console")


def test_no_process_runs_as_root(stack: Stack) -> None:
    for item in stack.status():
        rows = docker("top", item["ID"], "-eo", "uid,pid,comm").splitlines()[1:]
        assert rows, f"{item['Name']} has processes"
        assert [row for row in rows if row.split()[0] == "0"] == [], item["Name"]


def test_every_container_has_a_read_only_root_and_no_rights_it_does_not_need(stack: Stack) -> None:
    for item in stack.status():
        host = stack.inspect(item["ID"])["HostConfig"]
        assert host["ReadonlyRootfs"], item["Name"]
        assert host["CapDrop"] == ["ALL"], item["Name"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"], item["Name"]
        assert not host["CapAdd"], item["Name"]


@pytest.mark.parametrize("service", ["ingest", "alerting", "storage", "console", "inference"])
def test_no_image_but_a_chosen_one_has_torch_and_none_has_build_tools(
    stack: Stack, service: str
) -> None:
    program = (
        "import importlib.util as u, shutil;"
        "print([m for m in ('torch', 'funasr', 'pip', 'hatchling') if u.find_spec(m)],"
        "[t for t in ('gcc', 'cc', 'make', 'git') if shutil.which(t)])"
    )
    (container, *_) = stack.containers(service)
    assert docker("exec", container, "python", "-c", program).strip() == "[] []"
