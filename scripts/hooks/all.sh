#!/bin/bash
# Runs several hooks for each record, in order. The first that fails ends the run with its exit code; when it is tried
# again, those before it run again, too, so each has to allow for that, as those in this folder do.
set -eu

cd "${0%/*}"
for hook in ${HOOKS:=copy.sh notify.sh}; do
  "./$hook" "$1" "$2"
done
