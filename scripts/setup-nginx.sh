#!/usr/bin/env bash
# Provides a peer of tests and of the benchmark: Debian's nginx with its RTMP module. The nginx service is not started.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=lib.sh
. scripts/lib.sh

if [ -z "$(missing_packages nginx libnginx-mod-rtmp)" ]; then exit 0; fi
can_apt || die 'nginx is needed with its RTMP module: apt-get install nginx libnginx-mod-rtmp'

# Debian starts a service it installs unless policy-rc.d answers 101 (invoke-rc.d(8)).
policy=/usr/sbin/policy-rc.d
fresh=$(missing_packages nginx-common)
if [ ! -e "$policy" ]; then
  trap 'as_root rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
fi
apt_install nginx libnginx-mod-rtmp || die 'nginx and libnginx-mod-rtmp could not be installed'
if [ -n "$fresh" ]; then
  as_root systemctl disable --now nginx >/dev/null 2>&1 || as_root service nginx stop >/dev/null 2>&1 || true
fi
say 'nginx with its RTMP module is ready; its service was not started'
