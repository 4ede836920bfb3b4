"""What the four code locations share: settings, warehouse, contracts and pipelines.

Nothing here imports a heavy library at module level; a code location that loads this package
pays only for `dagster` and pydantic.
"""

from stack.logs import set_up_logs
from stack.offline import switch_off_telemetry
from stack.redaction import guard_logs

switch_off_telemetry()
guard_logs()
set_up_logs()
