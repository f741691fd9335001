"""The RTMP door: nginx with its RTMP module, configured from the project's one template."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tonewatch.shared.errors import ConfigurationError
from tonewatch.suite.child import Child, Stage
from tonewatch.suite.readiness import tcp_ready
from tonewatch.suite.tools import Nginx

LOOPBACK: Final = "127.0.0.1"
TEMPLATE: Final = Path("deploy/rtmp/nginx.conf.template")
_VARIABLE: Final = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


def render(template: str, values: Mapping[str, str]) -> str:
    """Fill in `${NAME}` and leave comments out; nginx's own `$name` variables stay.

    Raises:
        ConfigurationError: the template wants a value that there is not.
    """
    lines = [line for line in template.splitlines() if not line.lstrip().startswith("#")]
    text = "\n".join(lines) + "\n"
    unknown = sorted(set(_VARIABLE.findall(text)) - set(values))
    if unknown:
        raise ConfigurationError(f"{TEMPLATE} wants values that the suite has not: {unknown}")
    return _VARIABLE.sub(lambda found: values[found[1]], text)


def rtmp_child(
    nginx: Nginx, folder: Path, template: Path, *, host: str, port: int, ingest_url: str
) -> Child:
    """Write the configuration into `folder` and describe the process."""
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "nginx.conf"
    values = {
        "NGINX_RTMP_MODULE": str(nginx.rtmp_module),
        "NGINX_PID": str(folder / "nginx.pid"),
        "NGINX_ERROR_LOG": "stderr",
        "RTMP_LISTEN": f"{host}:{port}",
        "INGEST_URL": ingest_url,
    }
    configuration.write_text(render(template.read_text(), values))
    return Child(
        name="rtmp",
        argv=(nginx.program, "-e", "stderr", "-p", f"{folder}/", "-c", str(configuration)),
        stage=Stage.DOORS,
        ready=tcp_ready(LOOPBACK, port),
    )
