#!/usr/bin/env bash
# Builds vendor/ffmpeg-lean/ffmpeg from Debian's source package of FFmpeg: static, and with nothing but what recording
# needs. Debian's own binary links 215 libraries at each start, which is most of what a short recording costs
# (docs/decisions/0011-lean-ffmpeg.md). The server takes it for recording when it is there; run this again after
# security updates of Debian's ffmpeg.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=lib.sh
. scripts/lib.sh

target=vendor/ffmpeg-lean
mirror=${DEBIAN_MIRROR:-http://deb.debian.org}

if ! can_apt || [ ! -r /etc/os-release ]; then die 'needs Debian, and root or passwordless sudo'; fi
# shellcheck source=/dev/null
. /etc/os-release
[ "${ID:-}" = debian ] || die "needs Debian's source packages; this is ${PRETTY_NAME:-another system}"

apt_install gcc make nasm pkg-config xz-utils dpkg-dev libc6-dev libvorbis-dev || die 'cannot install what the build needs'

mkdir -p vendor
work=$(realpath "$(mktemp -d vendor/.build.XXXXXX)")
trap 'rm -rf "$work"' EXIT

# A source list and package lists of its own: the machine's stay as they are.
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
signed='signed-by=/usr/share/keyrings/debian-archive-keyring.gpg'
cat >"$work/sources.list" <<END
deb-src [$signed] $mirror/debian $VERSION_CODENAME main
deb-src [$signed] $mirror/debian-security $VERSION_CODENAME-security main
END
own() {
  "$@" -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=- \
    -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root
}
quietly own apt-get update || die "cannot read the package lists of $mirror"
version=$(own apt-cache showsrc ffmpeg | sed -n 's/^Version: //p' | sort -V | tail -n 1)
[ -n "$version" ] || die "$mirror has no source of ffmpeg for $VERSION_CODENAME"
if [ -x "$target/ffmpeg" ] && [ "$(cat "$target/VERSION" 2>/dev/null)" = "$version" ]; then
  say "$target/ffmpeg is built from ffmpeg $version already"
  exit 0
fi

say "building $target/ffmpeg from Debian's ffmpeg $version (2 minutes)"
fetch() (cd "$work" && own apt-get source "ffmpeg=$version")
quietly fetch || die 'cannot fetch the source'
source=$(find "$work" -maxdepth 1 -type d -name 'ffmpeg-*')

list() { local IFS=,; printf '%s' "$*"; }
decoders=(h264 hevc vp8 vp9 av1 aac mp3float opus speex vorbis nellymoser adpcm_swf pcm_alaw pcm_mulaw pcm_s16le pcm_u8)
filters=(setts aac_adtstoasc h264_mp4toannexb hevc_mp4toannexb extract_extradata vp9_superframe vp9_superframe_split
  av1_frame_merge av1_frame_split av1_metadata opus_metadata)
build() (
  cd "$source"
  ./configure --disable-everything --disable-autodetect --disable-doc --disable-debug --disable-network \
    --disable-avdevice --disable-swscale --disable-postproc --disable-programs --enable-ffmpeg --enable-libvorbis \
    --extra-version="${version#*-}-lean" \
    --enable-protocol=file,pipe --enable-demuxer=flv,matroska --enable-muxer=mp4,matroska,webm,mpegts,segment \
    --enable-parser=h264,hevc,vp8,vp9,av1,aac,mpegaudio,opus,vorbis \
    --enable-decoder="$(list "${decoders[@]}")" --enable-encoder=aac,libvorbis --enable-bsf="$(list "${filters[@]}")" \
    --enable-filter=aresample,aformat,anull,atrim,abuffer,abuffersink \
    --pkg-config-flags=--static --extra-cflags=-fno-pie --extra-ldflags='-static -no-pie' \
    --extra-libs='-lvorbisenc -lvorbis -logg -lm'
  make -j"$(nproc)" ffmpeg
)
quietly build || die 'the build failed'

mkdir "$work/done"
mv "$source/ffmpeg" "$source/COPYING.LGPLv2.1" "$work/done/"
printf '%s\n' "$version" >"$work/done/VERSION"
scripts/check-ffmpeg.sh "$work/done/ffmpeg" >/dev/null || die 'the result lacks something'
rm -rf "$target"
mv "$work/done" "$target"
say "$target/ffmpeg: static FFmpeg ${version%-*}, $(du -h "$target/ffmpeg" | cut -f1), licence LGPL-2.1-or-later"
