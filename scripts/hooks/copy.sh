#!/bin/bash
# Copies each record to another folder, such as a mounted share, and leaves the original.
# At the other end there is a whole file or none: the name comes last.
set -eu

: "${DST_DIR:=/mnt/archive}"

# Stream names may hold slashes; a leading dot would hide the folder.
stream=${1//\//_}
dir=$DST_DIR/${stream/#./_}
dst=$dir/${2##*/}

[ -f "$2" ] || exit 0                         # run again after somebody took the file away
mkdir -p -- "$dir" || exit 75                 # 75: try again later (on_record_hook_retries)
cp -- "$2" "$dst.part" || exit 75             # the share is away, or full
sync -- "$dst.part" || exit 75
mv -f -- "$dst.part" "$dst"
