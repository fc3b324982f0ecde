#!/usr/bin/env bash
# Makes packages/recorderd_VERSION_ARCH.deb and packages/recorderd-VERSION-linux-ARCH.tar.gz of what is in dist/, with the
# npm packages of the lockfile that are needed at run time. The same commit gives the same bytes.
# Usage: package.sh [folder for the packages]
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=lib.sh
. scripts/lib.sh

out=${1:-packages}
[ -f dist/main.js ] || die 'dist/ is empty: make build'
version=$(node -p 'require("./package.json").version')
case $(uname -m) in
  x86_64) arch=amd64 ;;
  aarch64) arch=arm64 ;;
  *) arch=$(uname -m) ;;
esac
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y package.json)}
export SOURCE_DATE_EPOCH=$epoch

mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The program as both packages hold it.
program=$work/recorderd
mkdir "$program"
cp -R dist web docs conf README.md CHANGELOG.md LICENSE package.json "$program/"
rm -f "$program/dist/.built"
chmod 755 "$program/dist/main.js"
mkdir "$program/scripts"
cp -R scripts/check-ffmpeg.sh scripts/on_record_hook.sh scripts/hooks "$program/scripts/"
cp package-lock.json .npmrc "$program/"
say 'installing the npm packages that are needed at run time'
(cd "$program" && quietly npm ci --omit=dev --ignore-scripts --prefer-offline --no-audit --no-progress) ||
  die 'the npm packages could not be installed'
rm -rf "$program/package-lock.json" "$program/.npmrc" "$program/node_modules/.package-lock.json" "$program/node_modules/.bin"
chmod -R u=rwX,go=rX "$program"

pack_tarball() {
  local name=recorderd-$version-linux-$arch
  mkdir "$work/$name"
  cp -R "$program" packaging/install.sh packaging/recorderd.service "$work/$name/"
  cp LICENSE "$work/$name/"
  tar --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner -C "$work" -c "$name" |
    gzip -n >"$out/$name.tar.gz"
  say "$out/$name.tar.gz"
}

control() {
  cat <<END
Package: recorderd
Version: $version
Architecture: $arch
Maintainer: recorderd <recorderd@localhost>
Installed-Size: $(du -sk "$1" | cut -f1)
Depends: nodejs (>= 20.19), ffmpeg (>= 7:4.1), adduser, init-system-helpers (>= 1.52)
Section: video
Priority: optional
Description: recording server for live streams
 Records what is published by WebRTC (Flashphoner Web SDK, WHIP), RTMP and RTSP
 to MP4 and WebM files, named by a template, cut into parts, and handed to a
 shell script. Reads the settings of Flashphoner Web Call Server.
 .
 Node.js 20 is in Debian 13; for Debian 12 it comes from NodeSource.
END
}

pack_deb() {
  local tree=$work/deb name=recorderd_${version}_$arch.deb
  mkdir -p "$tree"/{DEBIAN,etc/recorderd,usr/bin,usr/lib/systemd/system,usr/share/doc/recorderd}
  cp -R "$program" "$tree/usr/lib/recorderd"
  ln -s ../lib/recorderd/dist/main.js "$tree/usr/bin/recorderd"
  cp conf/flashphoner.properties scripts/on_record_hook.sh "$tree/etc/recorderd/"
  cp LICENSE "$tree/usr/share/doc/recorderd/copyright"
  sed -e 's|@NODE@|/usr/bin/node|g' -e 's|@LIB@|/usr/lib/recorderd|g' -e 's|@HOME@|/var/lib/recorderd|g' \
    -e 's|@ETC@|/etc/recorderd|g' packaging/recorderd.service >"$tree/usr/lib/systemd/system/recorderd.service"
  chmod -R u=rwX,go=rX "$tree"
  control "$tree" >"$tree/DEBIAN/control"
  printf '/etc/recorderd/%s\n' flashphoner.properties on_record_hook.sh >"$tree/DEBIAN/conffiles"
  install -m 755 packaging/debian/{postinst,prerm,postrm} "$tree/DEBIAN/"
  quietly dpkg-deb --root-owner-group --build "$tree" "$out/$name"
  say "$out/$name"
}

pack_tarball
if command -v dpkg-deb >/dev/null; then pack_deb; else say 'no Debian package: dpkg-deb is not installed'; fi
