#!/bin/bash
#
# Runs once for each finished file of a recording. This one does nothing: make it yours.
#
#   $1  stream name, as the publisher gave it: may hold spaces, quotes, slashes, line ends
#   $2  absolute path of the file; it is whole, on disk, and not touched again by the server
#
# Beside them RECORD_* variables tell the rest: RECORD_PART_INDEX, RECORD_LAST_PART, RECORD_DURATION_MS, ...
# The full list and the rules (order, time limit, repeats after a restart) are in docs/hooks.md.
#
# Rules of thumb: write "$1" and "$2" with their quotes, exit with 0 when all is well (anything else is logged
# with what was printed), and allow for being run twice for the same file.

set -eu

STREAM_NAME=$1
SRC_FILE=$2

# Example: copy the file to the folder of a web server, with the stream name before the file name.
#
# DST_DIR=/var/www/html/stream_records
# cp -- "$SRC_FILE" "$DST_DIR/${STREAM_NAME//\//_}-${SRC_FILE##*/}"

: "$STREAM_NAME" "$SRC_FILE"
