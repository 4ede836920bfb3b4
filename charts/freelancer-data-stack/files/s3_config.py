"""Write the bundled S3 store's only identity, from the variables of this process."""

import json
import os
from pathlib import Path

read = {"accessKey": "AWS_ACCESS_KEY_ID", "secretKey": "AWS_SECRET_ACCESS_KEY"}
keys = {key: os.environ[variable] for key, variable in read.items()}
actions = ["Admin", "Read", "Write", "List", "Tagging"]
identity = {"name": "stack", "actions": actions, "credentials": [keys]}
Path("/etc/s3/s3.json").write_text(json.dumps({"identities": [identity]}))
