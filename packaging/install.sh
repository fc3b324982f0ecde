#!/usr/bin/env bash
# Installs recorderd from the folder this script is in, upgrades or removes it. Settings, hook script and records are
# never replaced nor removed.
set -euo pipefail

usage() {
  cat <<'END'
Usage: install.sh [--prefix DIR] [--etc DIR] [--home DIR] [--root DIR] [--remove]

  --prefix DIR  the program: DIR/lib/recorderd and DIR/bin/recorderd   (/usr/local)
  --etc DIR     flashphoner.properties and on_record_hook.sh           (/etc/recorderd)
  --home DIR    records, and scripts of the hook                       (/var/lib/recorderd)
  --root DIR    puts everything under DIR, as into an image; makes no user and starts nothing
  --remove      removes the program and its service; settings, hook and records stay

Run again with a newer version, it upgrades. The same folders have to be given each time.
END
}

say() { printf '%s\n' "$*"; }

die() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

prefix=/usr/local etc=/etc/recorderd home=/var/lib/recorderd root='' remove=''
while [ "$#" -gt 0 ]; do
  case $1 in
    --prefix | --etc | --home | --root)
      [ "$#" -ge 2 ] || die "$1 needs a folder"
      case $2 in /*) ;; *) die "$1 needs an absolute path" ;; esac
      # What goes into the unit must need no quotes there.
      case $2 in *[!A-Za-z0-9/._+-]*) die "$1: use letters, digits and / . _ + - only" ;; esac
      printf -v "${1#--}" '%s' "${2%/}"
      shift
      ;;
    --remove) remove=yes ;;
    --help | -h)
      usage
      exit 0
      ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
  shift
done

here=$(cd "$(dirname "$0")" && pwd)
user=recorderd
lib=$prefix/lib/recorderd
unit=/etc/systemd/system/recorderd.service

# True when this is about the machine itself, not about a folder that will be one.
is_live() { [ -z "$root" ] && [ "$(id -u)" -eq 0 ]; }

has_systemd() { is_live && [ -d /run/systemd/system ]; }

is_running() { has_systemd && systemctl is-active --quiet recorderd; }

if [ -n "$remove" ]; then
  if has_systemd; then systemctl disable --now recorderd || true; fi
  rm -rf "$root$unit" "$root$lib" "$root$prefix/bin/recorderd"
  if has_systemd; then systemctl daemon-reload; fi
  say "removed $root$lib and the service"
  say "kept: $root$etc and $root$home with all records, and the user $user"
  exit 0
fi

[ -f "$here/recorderd/dist/main.js" ] || die "the program is not beside this script: $here/recorderd"
[ -n "$root" ] || [ "$(id -u)" -eq 0 ] || die 'run it as root, or give --root'

node=$(command -v node) || die 'Node.js 20.19 or newer is needed'
"$node" -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' ||
  die "Node.js 20.19 or newer is needed, $node is $("$node" --version)"
"$here/recorderd/scripts/check-ffmpeg.sh" ffmpeg >/dev/null ||
  say 'warning: no usable ffmpeg on PATH; install one (4.1 or newer), or name it in the setting ffmpeg_path'

# A server that would not start again is not taken down.
if [ -f "$root$etc/flashphoner.properties" ]; then
  "$node" "$here/recorderd/dist/main.js" check-config --home "$root$home" --config "$root$etc/flashphoner.properties" ||
    die 'nothing was changed: this version does not take the settings above'
fi

if is_live && ! getent passwd "$user" >/dev/null; then
  useradd --system --user-group --home-dir "$home" --no-create-home --shell /usr/sbin/nologin "$user"
fi

install -d -m 755 "$root$prefix/lib" "$root$prefix/bin" "$root$etc" "$root$home" "$root$home/scripts"
[ -d "$root$home/records" ] || install -d -m 750 "$root$home/records"

rm -rf "$root$lib.new" "$root$lib.old"
cp -R "$here/recorderd" "$root$lib.new"
[ ! -e "$root$lib" ] || mv "$root$lib" "$root$lib.old"
mv "$root$lib.new" "$root$lib"
rm -rf "$root$lib.old"
ln -sfn "$lib/dist/main.js" "$root$prefix/bin/recorderd"

install -m 644 "$here/recorderd/conf/flashphoner.properties" "$root$etc/flashphoner.properties.example"
if [ ! -e "$root$etc/flashphoner.properties" ]; then
  # It may come to hold secrets.
  install -m 640 "$here/recorderd/conf/flashphoner.properties" "$root$etc/flashphoner.properties"
  if is_live; then chown "root:$user" "$etc/flashphoner.properties"; fi
fi
if [ ! -e "$root$etc/on_record_hook.sh" ]; then
  install -m 755 "$here/recorderd/scripts/on_record_hook.sh" "$root$etc/on_record_hook.sh"
fi
if [ ! -e "$root$home/scripts/on_record_hook.sh" ] && [ ! -L "$root$home/scripts/on_record_hook.sh" ]; then
  ln -s "$etc/on_record_hook.sh" "$root$home/scripts/on_record_hook.sh"
fi
if is_live; then chown "$user:$user" "$home" "$home/records"; fi

install -d "$(dirname "$root$unit")"
sed -e "s|@NODE@|$node|g" -e "s|@LIB@|$lib|g" -e "s|@HOME@|$home|g" -e "s|@ETC@|$etc|g" \
  "$here/recorderd.service" >"$root$unit"

say "installed $("$node" "$root$lib/dist/main.js" --version) in $root$lib"
if ! has_systemd; then exit 0; fi
systemctl daemon-reload
if is_running; then
  systemctl restart recorderd
  say 'the service was restarted'
else
  systemctl enable --quiet recorderd
  say "look at $etc/flashphoner.properties, then: systemctl start recorderd"
fi
