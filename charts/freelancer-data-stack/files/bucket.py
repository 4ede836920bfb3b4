"""Make the bucket in the bundled S3 store, as soon as the store answers."""

from __future__ import annotations

import os
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


def main() -> int:
    """Try until the bucket exists or SCHEMA_TIMEOUT_SECONDS have passed."""
    bucket = os.environ["BUCKET"]
    client = boto3.client(
        "s3",
        region_name=os.environ["AWS_REGION"],
        config=Config(retries={"max_attempts": 1}, connect_timeout=3, read_timeout=10),
    )
    deadline = time.monotonic() + float(os.environ["SCHEMA_TIMEOUT_SECONDS"])
    while True:
        try:
            if bucket not in {found["Name"] for found in client.list_buckets()["Buckets"]}:
                client.create_bucket(Bucket=bucket)
            print(f"bucket: {bucket} is there", flush=True)
            return 0
        except (BotoCoreError, ClientError) as error:
            if time.monotonic() > deadline:
                print(f"bucket: gave up on {bucket}: {error}", flush=True)
                return 1
        time.sleep(2)


if __name__ == "__main__":
    sys.exit(main())
