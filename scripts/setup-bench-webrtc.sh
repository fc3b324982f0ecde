#!/usr/bin/env bash
# Provides what the WebRTC benchmark needs: Debian's Janus with its post-processor, and GStreamer's webrtcbin for the
# load. The janus service is not started.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=lib.sh
. scripts/lib.sh

packages=(janus janus-tools python3-gi python3-gst-1.0 gir1.2-gstreamer-1.0 gir1.2-gst-plugins-bad-1.0
  gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-nice)

if [ -z "$(missing_packages "${packages[@]}")" ]; then exit 0; fi
can_apt || die "the WebRTC benchmark needs Janus and GStreamer: apt-get install ${packages[*]}"

# Debian starts a service it installs unless policy-rc.d answers 101 (invoke-rc.d(8)).
policy=/usr/sbin/policy-rc.d
fresh=$(missing_packages janus)
if [ ! -e "$policy" ]; then
  trap 'as_root rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
fi
apt_install "${packages[@]}" || die 'Janus and GStreamer could not be installed'
if [ -n "$fresh" ]; then
  as_root systemctl disable --now janus >/dev/null 2>&1 || as_root service janus stop >/dev/null 2>&1 || true
fi
say 'Janus and GStreamer are ready; the janus service was not started'
