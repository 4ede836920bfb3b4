#!/bin/bash
# In an image build: copy what the environment has that no earlier call listed to /layers/NAME, so
# that what came before stays a layer that other images share. Files are compared by path and size:
# layers keep no time that could tell.
#   layer.sh NAME
set -euo pipefail
export LC_ALL=C
name=$1
mkdir -p "/layers/$name"
touch /layers/known
find /opt/stack ! -type d -printf '%s\t%p\n' | sort > /layers/all
comm -13 /layers/known /layers/all | cut --fields=2- |
    tar --create --files-from=- --absolute-names |
    tar --extract --absolute-names --transform "s|^|/layers/$name|rSh" --preserve-permissions
mv /layers/all /layers/known
