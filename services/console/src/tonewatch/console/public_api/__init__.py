"""The public API's one OpenAPI document, over all services and the console's own routes.

The console may not import the services, and a document must not have holes while one of them is
down: so their part is a file of this package, which `scripts/public_api.py` writes from their code
and a test compares with it. The console's own part is added when the document is asked for.
"""

from tonewatch.console.public_api._routes import public_api_router, public_document
from tonewatch.console.public_api._services import SERVICES_FILE, services_part

__all__ = ["SERVICES_FILE", "public_api_router", "public_document", "services_part"]
