from pathlib import Path

import pytest

from tonewatch.shared.errors import ConfigurationError
from tonewatch.suite.folder import repository_root
from tonewatch.suite.nginx import TEMPLATE, render, rtmp_child
from tonewatch.suite.tools import Nginx


def test_only_our_variables_are_filled_in() -> None:
    text = render("listen ${RTMP_PORT}; set $name ${RTMP_PORT};", {"RTMP_PORT": "2035"})
    assert text == "listen 2035; set $name 2035;\n"


def test_a_variable_that_nobody_knows_is_named() -> None:
    with pytest.raises(ConfigurationError, match="COLOUR"):
        render("paint ${COLOUR};", {"RTMP_PORT": "1"})


def test_the_door_is_configured_in_its_own_folder(tmp_path: Path) -> None:
    template = tmp_path / "nginx.conf.template"
    template.write_text("# ${COMMENT}\nlisten ${RTMP_LISTEN}; load ${NGINX_RTMP_MODULE};")
    child = rtmp_child(
        Nginx("/usr/sbin/nginx", Path("/m.so")),
        tmp_path / "rtmp",
        template,
        host="127.0.0.1",
        port=2035,
        ingest_url="http://127.0.0.1:8180",
    )
    configuration = tmp_path / "rtmp" / "nginx.conf"
    assert configuration.read_text() == "listen 127.0.0.1:2035; load /m.so;\n"
    assert str(configuration) in child.argv


def test_the_projects_template_needs_nothing_that_the_suite_has_not(tmp_path: Path) -> None:
    template = repository_root() / TEMPLATE
    nginx = Nginx("nginx", Path("/m.so"))
    rtmp_child(nginx, tmp_path, template, host="127.0.0.1", port=1, ingest_url="http://i")
    assert "on_publish http://i/internal/rtmp/on_publish;" in (tmp_path / "nginx.conf").read_text()
