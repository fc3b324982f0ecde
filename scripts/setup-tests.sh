#!/usr/bin/env bash
# Provides the other programs the tests publish with, where this can be done without asking. What is missing
# afterwards is skipped by the tests with a word, and is a failure when CI=true.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=lib.sh
. scripts/lib.sh

if [ "${CI:-}" = true ] && can_apt; then
  apt_install ffmpeg shellcheck curl jq rclone gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
    gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav \
    gstreamer1.0-rtsp gstreamer1.0-nice python3-gi python3-gst-1.0 gir1.2-gst-plugins-bad-1.0 \
    gir1.2-gst-rtsp-server-1.0 chromium ||
    die 'the programs that the tests publish with could not be installed'
  scripts/setup-nginx.sh
  scripts/vendor-promtool.sh
fi
scripts/vendor-ffmpeg.sh || say 'going on without it: tests of enhanced RTMP will not run'
