#!/usr/bin/env bash
# Says whether an ffmpeg can do the server's work: prints its version and exits 0, or says what it lacks and exits 1.
# Usage: check-ffmpeg.sh [ffmpeg]
set -euo pipefail

ffmpeg=${1:-ffmpeg}

lacks() {
  printf '%s: %s\n' "$ffmpeg" "$1"
  exit 1
}

# The list that `ffmpeg -$1` prints names one thing per line in its second column, aliases joined by commas.
names() { "$ffmpeg" -hide_banner "-$1" 2>/dev/null | awk '{ gsub(",", "\n", $2); print $2 }'; }

require() {
  local list=$1 have name
  have=$(names "$list") || lacks "cannot list its $list"
  shift
  for name in "$@"; do
    grep -qxF -e "$name" <<<"$have" || lacks "has no ${list%s} $name"
  done
}

command -v "$ffmpeg" >/dev/null || lacks 'not found'
banner=$("$ffmpeg" -version 2>/dev/null) || lacks 'does not run'
[[ $banner =~ ^ffmpeg\ version\ ([^\ ]+) ]] || lacks 'does not say its version'
version=${BASH_REMATCH[1]}

# Builds from a repository call themselves N-12345-g…: newer than every release asked for here.
if [[ $version =~ ^n?([0-9]+)\.([0-9]+) ]]; then
  major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]}
  ((major > 4 || (major == 4 && minor >= 1))) || lacks "is version $version, 4.1 or newer is needed"
fi

require muxers mp4 segment webm matroska mpegts
require demuxers flv matroska
require encoders aac libvorbis
printf '%s\n' "$version"
