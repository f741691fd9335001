"""The commands: each module adds those of one subject."""

from tonewatch.cli.commands.alerts import add_alerts
from tonewatch.cli.commands.analyze import add_analyze
from tonewatch.cli.commands.login import add_login
from tonewatch.cli.commands.rules import add_rules
from tonewatch.cli.commands.streams import add_streams
from tonewatch.cli.commands.tail import add_tail

__all__ = ["add_alerts", "add_analyze", "add_login", "add_rules", "add_streams", "add_tail"]
