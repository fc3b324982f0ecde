#!/usr/bin/env bash
# Provides an ffmpeg when the machine has none that the server can use: Debian's package where it may be
# installed (it gets security updates), else the pinned binary of vendor-ffmpeg.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=lib.sh
. scripts/lib.sh

if scripts/check-ffmpeg.sh ffmpeg >/dev/null 2>&1; then exit 0; fi
if scripts/check-ffmpeg.sh vendor/ffmpeg/ffmpeg >/dev/null 2>&1; then exit 0; fi

if can_apt; then
  apt_install ffmpeg || say 'the Debian package ffmpeg could not be installed'
  if version=$(scripts/check-ffmpeg.sh ffmpeg 2>&1); then
    say "ffmpeg $version is ready"
    exit 0
  fi
  say "$version"
fi

scripts/vendor-ffmpeg.sh ||
  die 'no usable ffmpeg: install one (4.1 or newer, with libvorbis) or name it in the setting ffmpeg_path'
