#!/bin/bash
# Makes a smaller MP4 of each record, 720 lines at most, in a folder beside the records. Runs at low priority, so that
# recordings come first. Set on_record_hook_timeout to more than the longest record takes.
set -eu

: "${DST_DIR:=${2%/*}/small}"

[ -f "$2" ] || exit 0
name=${2##*/}
dst=$DST_DIR/${name%.*}.mp4
mkdir -p -- "$DST_DIR"

nice -n 19 ffmpeg -v error -nostdin -y -i "file:$2" \
  -map '0:v:0?' -map '0:a:0?' -vf "scale=-2:'min(720,ih)'" \
  -c:v libx264 -preset veryfast -crf 26 -pix_fmt yuv420p -c:a aac -b:a 96k \
  -movflags +faststart -f mp4 "file:$dst.part"
mv -f -- "$dst.part" "$dst"
