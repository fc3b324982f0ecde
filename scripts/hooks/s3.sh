#!/bin/bash
# Uploads each record with rclone (S3 and some fifty other stores), with its integrity report's facts as they are known.
# Set up the remote once, as the server's user: sudo -u recorderd rclone config
set -eu

: "${REMOTE:=archive:recordings}"             # NAME:BUCKET/FOLDER of rclone
: "${KEEP:=yes}"                              # no: delete the local file once it is uploaded and compared

[ -f "$2" ] || exit 0                         # run again after it was uploaded and deleted
day=$(date -u -d "@$((RECORD_START_MS / 1000))" +%Y/%m/%d)
to=$REMOTE/$day/${2##*/}

# --checksum: what is there already with the same content is not sent again.
rclone copyto --checksum --retries 1 -- "$2" "$to" || exit 75
[ "$KEEP" = no ] || exit 0
rclone check --one-way --include "/${2##*/}" -- "${2%/*}" "${to%/*}" || exit 75
rm -- "$2"
