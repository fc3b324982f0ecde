#!/usr/bin/env bash
# Puts Prometheus' promtool into vendor/promtool/, with which the tests check /metrics. Out of Debian's package, which is
# not installed: it would start a server. Needs no rights; 19 MB, once.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=lib.sh
. scripts/lib.sh

target=vendor/promtool
if [ -x "$target/promtool" ] || command -v promtool >/dev/null; then exit 0; fi
command -v apt-get >/dev/null || die 'promtool is taken from a Debian package, and there is no apt-get'

mkdir -p vendor
work=$(mktemp -d vendor/.fetch.XXXXXX)
trap 'rm -rf "$work"' EXIT

download() (cd "$work" && apt-get -q download prometheus)
say 'fetching promtool out of the Debian package prometheus (19 MB, once)'
quietly download || { can_apt && quietly apt_get update && quietly download; } ||
  die 'the Debian package prometheus cannot be fetched'
quietly dpkg-deb --extract "$work"/prometheus_*.deb "$work/package"
rm -rf "$target"
mkdir -p "$target"
mv "$work/package/usr/bin/promtool" "$target/promtool"
